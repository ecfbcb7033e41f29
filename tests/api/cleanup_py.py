#!/usr/bin/env python3
"""The cleanup lane from Python's finalizers, as docs/cleanup.md says.

Descriptors are closed by native jobs that weakref.finalize and __del__ hand
over, on threads and by the cycle collector, before the start and after the
stop; each is then closed, or still its owner's to close. Then jobs in Python,
a child of os.fork(), and the interpreter's own end.
"""

import atexit
import ctypes
import gc
import os
import sys
import threading
import time
import weakref

sys.dont_write_bytecode = True

import pyapi                        # noqa: E402
from pyapi import check             # noqa: E402

EUNINIT, ECLOSED, DEADLINE = -33, -8, 20
lib = ctypes.CDLL(pyapi.LIBRARY)
pyapi.bind(lib, pyapi.declared())
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
close = ctypes.cast(libc.close, ctypes.c_void_p)
NODE = 64   # bytes of a ferry_cleanup_node
answers = []


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def await_closed(*fds):
    end = time.monotonic() + DEADLINE
    while any(map(is_open, fds)):
        check(time.monotonic() < end, "still open:", fds)
        time.sleep(0.001)


def finalize(node, fd):
    """What a finalizer may do: one call."""
    answers.append(lib.ferry_cleanup_post(node, close, fd, None))


class File:
    def __init__(self):
        self.fd = os.open(os.devnull, os.O_RDONLY)
        # Native memory, which outlives the object: kept for the next one here.
        weakref.finalize(self, finalize, libc.calloc(1, NODE), self.fd)


class Cyclic:
    def __init__(self):
        self.me = self
        self.fd = os.open(os.devnull, os.O_RDONLY)

    def __del__(self):
        answers.append(lib.ferry_cleanup_submit(close, self.fd, None))


def drop(make, n):
    """n objects that only their finalizers remember; their descriptors."""
    return [make().fd for _ in range(n)]


def refused(expected):
    fds = drop(File, 3)
    check(answers == [expected] * 3, "refused with", answers)
    check(all(map(is_open, fds)), "closed after a refusal")
    for fd in fds:
        os.close(fd)
    answers.clear()


def accepted():
    fds = drop(File, 50)
    threads = [threading.Thread(target=lambda: fds.extend(drop(File, 50)))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    fds.extend(drop(Cyclic, 20))
    for thread in threads:
        thread.join()
    # Not before: while another thread collects this one would not.
    gc.collect()
    # A descriptor's number is used again while others are still made, so the
    # calls are counted, and the last ones looked at.
    check(lib.ferry_cleanup_flush(DEADLINE * 1000) == 0, "flush")
    check(len(answers) == 220 and not any(answers), "answers", answers)
    await_closed(*fds)
    answers.clear()


JOB = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
ran = []


@JOB
def job(arg):
    ran.append((arg, threading.current_thread() is threading.main_thread()))
    return 0


def jobs_in_python():
    for i in range(1, 11):
        check(lib.ferry_cleanup_submit(job, i, None) == 0, "submit")
    check(lib.ferry_cleanup_flush(DEADLINE * 1000) == 0, "flush")
    check(sorted(ran) == [(i, False) for i in range(1, 11)], "ran", ran)


def in_a_child():
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            refused(EUNINIT)
            check(lib.ferry_cleanup_start(None) == 0, "start in a child")
            accepted()
            status = 0
        finally:
            os._exit(status)
    check(os.waitpid(child, 0)[1] == 0, "the child")


def main():
    refused(EUNINIT)
    check(lib.ferry_cleanup_start(None) == 0, "start")
    accepted()
    jobs_in_python()
    in_a_child()
    check(lib.ferry_cleanup_shutdown(None, None) == 0, "shutdown")
    refused(ECLOSED)
    check(lib.ferry_cleanup_start(None) == 0, "start again")
    accepted()
    # At the end: what is still there is finalized, then the lane ends.
    atexit.register(lib.ferry_cleanup_shutdown, None, None)
    main.last = File()


if __name__ == "__main__":
    main()

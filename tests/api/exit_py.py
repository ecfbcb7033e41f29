#!/usr/bin/env python3
"""The end of a Python process that is in the middle of everything.

    exit_py.py [RUNS]           of each way, each; the ways are in world/ways.py

What goes on is world/world.h, and on top of it handlers and reply callbacks in
Python, daemon threads that wait and submit, an asyncio loop. A child has to
end at once, with its own code, in silence, and to leave nothing behind. The
T_LIMIT=1200 is for 100 runs; a few take seconds.
"""

import ctypes
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "world"), os.path.dirname(HERE)]
import stalls  # noqa: E402 (where it is has just been said)
import ways  # noqa: E402
from pyapi import check  # noqa: E402

MODES = 8
CODES = (0, 3, 77, 255)
RUNS, PARALLEL, LEAVE_S, ARRIVE_S = 3, 4, 2.0, 20.0
SLOW = float(os.environ.get("T_SLOW") or 1)


def strangers():
    """What is in places where a process can leave something for good."""
    n = 0
    for folder in ("/dev/shm", "/dev/mqueue"):
        n += len(os.listdir(folder)) if os.path.isdir(folder) else 0
    for name in ("shm", "sem", "msg"):
        path = "/proc/sysvipc/" + name
        if os.path.exists(path):
            with open(path) as f:
                n += len(f.readlines())
    return n


def run_one(way, i, quiesce, folder, stood):
    """None, or what was wrong with it; and how long it took to go."""
    code, number = CODES[(i + quiesce) % 4], None
    expected = code if ways.WAYS[way] is None else ways.WAYS[way]
    if way is ways.killed:
        number = (signal.SIGTERM, signal.SIGKILL)[i % 2]
        expected = -number
    ours, theirs = os.pipe()
    command = [sys.executable, "-S", "-B", ways.__file__,
               way.__name__, str(code), str(quiesce),
               str((i * 5 + quiesce) % MODES), str(theirs)]
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=folder,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         pass_fds=[theirs], env=dict(os.environ,
                                                     TMPDIR=folder))
    os.close(theirs)
    try:
        if number:
            time.sleep(random.uniform(0, 0.12))
            p.send_signal(number)
        output = p.communicate(timeout=ARRIVE_S * SLOW)[0]
        now = time.monotonic_ns()
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return " ".join(command[4:8]) + ": did not end", 0
    finally:
        began = os.read(ours, 800) if p.poll() is not None else b""
        os.close(ours)
    name = " ".join(command[4:8])
    if p.returncode != expected or output:
        return "%s: ended by %d, not %d\n%s" % (
            name, p.returncode, expected, output.decode()), 0
    if number:
        return None, 0
    if not began:
        return name + ": never came to the point", 0
    began = int.from_bytes(began[-8:], sys.byteorder)
    took = (now - began - stood.between(began, now)) / 1e9
    if took > LEAVE_S * SLOW:
        return "%s: took %.1f s to end" % (name, took), 0
    return None, took


def run_way(way, runs, folder, share, stood):
    jobs = [(i, q) for i in range(runs) for q in (0, 1)]
    lock, slowest = threading.Lock(), [0]

    def work():
        while not share:
            with lock:
                if not jobs:
                    return
                i, quiesce = jobs.pop()
            wrong, took = run_one(way, i, quiesce, folder, stood)
            with lock:
                slowest[0] = max(slowest[0], took)
                if wrong:
                    share.append(wrong)
    threads = [threading.Thread(target=work) for _ in range(PARALLEL)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return slowest[0]


def nothing_left(folder, before):
    os.rmdir(folder)
    try:
        check(os.waitpid(-1, os.WNOHANG) is None, "a process was left behind")
    except ChildProcessError:
        pass
    # Others may have something there for a moment.
    end_of_it = time.monotonic() + ARRIVE_S * SLOW
    while strangers() > before:
        check(time.monotonic() < end_of_it, "something was left behind")
        time.sleep(0.01)


def main(runs):
    # What a child leaves behind becomes a child of ours.
    PR_SET_CHILD_SUBREAPER = 36
    check(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0,
          "prctl")
    random.seed(int(os.environ.get("T_SEED") or 1))
    folder, before = tempfile.mkdtemp(prefix="ferry-exit-"), strangers()
    stood = stalls.Stalls()
    for way in ways.WAYS:
        wrong, began = [], time.monotonic()
        slowest = run_way(way, runs, folder, wrong, stood)
        check(not wrong, *wrong[:1])
        print("%-18s %5.0f ms, the slowest gone after %.0f ms" % (
            way.__name__, (time.monotonic() - began) * 1e3, slowest * 1e3),
              flush=True)
    nothing_left(folder, before)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)

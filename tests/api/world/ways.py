#!/usr/bin/env python3
"""A child of exit_py.py: the ways for a Python process to end.

    ways.py WAY CODE QUIESCE MODES [DESCRIPTOR]

It says that it begins to leave by a time written to the descriptor.
"""

import atexit
import ctypes
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import pyapi  # noqa: E402 (where it is has just been said)

OK, ETIMEDOUT, EREENTRANT = 0, -12, -10
NOP = 0
LIGHT = 4
HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p,
                           ctypes.c_size_t, ctypes.c_void_p)
REPLY = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p,
                         ctypes.c_size_t, ctypes.c_void_p)


class World(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("stream", "stuck", "late", "inbox", "empty", "bell")]
    _fields_ += [("doorbell", ctypes.c_void_p)]


class Method(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("handler", HANDLER), ("levels", ctypes.c_uint32 * 4)]


class RequestOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("stale_ms", ctypes.c_uint32), ("lane", ctypes.c_uint64),
                ("deadline_ns", ctypes.c_uint64), ("inbox", ctypes.c_uint64),
                ("callback", REPLY), ("user", ctypes.c_void_p),
                ("free", ctypes.c_void_p), ("free_user", ctypes.c_void_p)]


class Reply(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("reserved", ctypes.c_uint32),
                ("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def sized(kind, **fields):
    return kind(struct_size=ctypes.sizeof(kind), **fields)


def demand(condition, *what):
    """For any thread: only the main one could end it all by an exception."""
    if not condition:
        print("FAIL:", *what, flush=True)
        os._exit(1)


class Child:
    def __init__(self, code, quiesce, modes, control):
        self.code, self.quiesce, self.modes = code, quiesce, modes
        self.control = control
        self.lib = ctypes.CDLL(pyapi.LIBRARY)
        pyapi.bind(self.lib, pyapi.declared())
        self.native = ctypes.CDLL(os.path.join(
            os.path.dirname(pyapi.LIBRARY), "tests", "api", "libworld.so"))
        self.world = World()
        self.native.world_open(ctypes.byref(self.world), modes)

    def mark(self):
        if self.control is not None:
            os.write(self.control,
                     time.monotonic_ns().to_bytes(8, sys.byteorder))

    def leave(self):
        if self.quiesce:
            self.native.world_quiesce(self.modes)
        self.mark()

    def leave_inside(self):
        if self.quiesce:
            demand(self.lib.ferry_quiesce(20) == EREENTRANT, "quiesce")
        self.mark()

    def exit(self):
        self.leave()
        sys.exit(self.code)

    def context(self, handler):
        """A context with one method, in Python."""
        self.method = sized(Method, name=b"python", handler=handler)
        library, context = ctypes.c_uint64(), ctypes.c_uint64()
        options = sized(
            pyapi.LibraryOptions, name=b"python", n_methods=1,
            methods=ctypes.addressof(self.method))
        demand(self.lib.ferry_library_open(
            ctypes.byref(library), ctypes.byref(options)) == OK, "library")
        options = sized(pyapi.ContextOptions, library=library.value)
        demand(self.lib.ferry_context_open(
            ctypes.byref(context), ctypes.byref(options)) == OK, "open")
        return context.value

    def submit(self, context, callback=None, inbox=0):
        options = sized(RequestOptions, inbox=inbox)
        if callback is not None:
            options.callback = callback
        request = ctypes.c_uint64()
        r = self.lib.ferry_request_submit(
            ctypes.byref(request), context, NOP, None, 0,
            ctypes.byref(options))
        return r, request.value

    def take(self, inbox):
        """How many there were; their data is released."""
        items = (pyapi.Completion * 16)()
        n = self.lib.ferry_inbox_take(items, 16, inbox)
        demand(n >= 0, "take", n)
        self.lib.ferry_inbox_release(items, n)
        return n

    def inbox(self):
        inbox = ctypes.c_uint64()
        demand(self.lib.ferry_inbox_open(ctypes.byref(inbox), None) == OK
               and self.lib.ferry_inbox_attach(
                   inbox, self.world.stream, None) == OK, "inbox")
        return inbox.value


def daemon(fn):
    """Runs fn, over and over, on a daemon thread; returns when it has begun."""
    begun = threading.Event()

    def run():
        while True:
            begun.set()
            fn()
    threading.Thread(target=run, daemon=True).start()
    begun.wait()


# Ways that have nothing of Python going on.

def end(c):
    c.leave()


def sys_exit(c):
    c.exit()


def os__exit(c):
    c.leave()
    os._exit(c.code)


def exception(c):
    sys.excepthook = lambda *what: None
    c.leave()
    raise RuntimeError("uncaught")


def interrupt(c):
    sys.excepthook = lambda *what: None
    c.leave()
    raise KeyboardInterrupt


def asking_at_end(c):
    atexit.register(c.native.world_ask, ctypes.byref(c.world))
    c.exit()


def closing_at_end(c):
    atexit.register(c.native.world_close, ctypes.byref(c.world), c.modes)
    c.exit()


def quiescing_at_end(c):
    atexit.register(c.native.world_quiesce, c.modes)
    c.exit()


# Daemon threads in Ferry.

def thread_exits(c):
    def leave():
        c.leave()
        os._exit(c.code)
    daemon(leave)
    while True:
        time.sleep(1000)


def daemons_wait(c):
    reply, request = Reply(), ctypes.c_uint64()
    inbox = c.inbox()
    daemon(lambda: c.lib.ferry_inbox_wait(inbox, -1))
    # Not the stream: by a quiesce it is over, and the thread comes back.
    daemon(lambda: c.lib.ferry_request_invoke(
        ctypes.byref(reply), ctypes.byref(request),
        c.world.stuck or c.world.stream, NOP, None, 0, None, -1))
    c.exit()


def daemons_busy(c):
    inbox = c.inbox()
    taken = threading.Event()

    def take():
        c.lib.ferry_inbox_wait(inbox, 1000)
        if c.take(inbox) > 0:
            taken.set()
    daemon(lambda: c.submit(c.world.stream, inbox=inbox))
    daemon(take)
    taken.wait()
    c.exit()


def thread_is_joined(c):
    """Not a daemon: the interpreter waits for it before anything else."""
    inbox = c.inbox()

    def take():
        demand(c.lib.ferry_inbox_wait(inbox, 50) == ETIMEDOUT, "wait")
        c.mark()
    threading.Thread(target=take).start()
    c.exit()


# Handlers and callbacks in Python.

def handler_sleeps(c):
    inside = threading.Event()

    @HANDLER
    def sleep(call, data, size, state):
        inside.set()
        time.sleep(1000)
        return 0
    c.kept = sleep
    context = c.context(sleep)
    for _ in range(8):
        demand(c.submit(context)[0] == OK, "submit")
    inside.wait()
    if c.quiesce:
        demand(c.lib.ferry_quiesce(20) == ETIMEDOUT, "quiesce")
        c.quiesce = 0
    c.exit()


def handler_exits(c):
    @HANDLER
    def leave(call, data, size, state):
        c.leave_inside()
        os._exit(c.code)
    demand(c.submit(c.context(leave))[0] == OK, "submit")
    while True:
        time.sleep(1000)


def callback_exits(c):
    @REPLY
    def leave(request, status, data, size, user):
        c.leave_inside()
        os._exit(c.code)
    demand(c.submit(c.world.stream, callback=leave)[0] == OK, "submit")
    while True:
        time.sleep(1000)


def python_runs(c):
    """Handlers and callbacks in Python, without a pause, from two threads."""
    replies = threading.Semaphore(0)

    @HANDLER
    def handle(call, data, size, state):
        return 0

    @REPLY
    def reply(request, status, data, size, user):
        replies.release()
    c.kept = handle, reply
    context = c.context(handle)
    for _ in range(2):
        daemon(lambda: c.submit(context, callback=reply))
    for _ in range(10):
        replies.acquire()


def handlers_quiesced(c):
    """The rule: what runs Python is at rest before the interpreter ends."""
    python_runs(c)
    atexit.register(c.native.world_quiesce, c.modes)
    c.exit()


# asyncio.

def with_loop(c, body):
    """body(loop, taken) with a reader of an inbox that a stream goes to."""
    import asyncio
    inbox, fd = c.inbox(), ctypes.c_int()
    demand(c.lib.ferry_inbox_fd(ctypes.byref(fd), inbox) == OK, "fd")
    loop = asyncio.new_event_loop()
    taken = [0]

    def readable():
        taken[0] += c.take(inbox)
        while c.submit(c.world.stream, inbox=inbox)[0] == OK:
            if random.random() < 0.1:
                break
        body(loop, taken[0])
    loop.add_reader(fd.value, readable)
    demand(c.submit(c.world.stream, inbox=inbox)[0] == OK, "submit")
    return loop


def loop_exits(c):
    def body(loop, taken):
        if taken > 50:
            c.exit()
    with_loop(c, body).run_forever()


def loop_is_left(c):
    def body(loop, taken):
        if taken > 50:
            loop.stop()
    with_loop(c, body).run_forever()
    c.exit()


def loop_is_closed(c):
    def body(loop, taken):
        if taken > 50:
            loop.stop()
    loop = with_loop(c, body)
    loop.run_forever()
    loop.close()
    c.exit()


def killed(c):
    python_runs(c)
    while True:
        time.sleep(1000)


# How it ends, where that is not by the code it was given.
WAYS = {
    end: 0, sys_exit: None, os__exit: None, exception: 1,
    interrupt: -signal.SIGINT, asking_at_end: None, closing_at_end: None,
    quiescing_at_end: None, thread_exits: None, daemons_wait: None,
    daemons_busy: None, thread_is_joined: None, handler_sleeps: None,
    handler_exits: None, callback_exits: None, handlers_quiesced: None,
    loop_exits: None, loop_is_left: None, loop_is_closed: None, killed: None,
}


def child(name, code, quiesce, modes, control=None):
    way, modes = {w.__name__: w for w in WAYS}[name], int(modes)
    if way is handlers_quiesced:
        modes |= LIGHT  # so that all of it can come to rest
    way(Child(int(code), int(quiesce), modes,
              None if control is None else int(control)))


if __name__ == "__main__":
    child(*sys.argv[1:])

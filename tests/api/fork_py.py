#!/usr/bin/env python3
"""Forks of a Python process that uses Ferry: os.fork, multiprocessing, pools.

Goes through the header: every function that takes a token is called in a child
with one of the parent's, as the child's first call and after all others, and
must answer FERRY_EFORKED. A function or a kind of token that is added later is
tested, or missed here by name.

Then the ways Python forks, while the parent has contexts open, an asyncio loop
with an inbox, and requests in flight: children open contexts of their own and
are answered, the parent goes on. Handlers are Python functions.
"""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import os
import re
import signal
import sys
import threading
import warnings

sys.dont_write_bytecode = True

import pyapi                        # noqa: E402
from pyapi import check             # noqa: E402

EFORKED = -31
LIMIT = 20      # seconds a child may take
WELL = 42

# Python 3.12 and later warn of any fork beside other threads.
warnings.filterwarnings("ignore", category=DeprecationWarning)

lib = ctypes.CDLL(pyapi.LIBRARY)
functions = pyapi.declared()
pyapi.bind(lib, functions)
ref = ctypes.byref

HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p,
                           ctypes.c_size_t, ctypes.c_void_p)
LISTENER = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32,
                            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64,
                            ctypes.c_void_p)


class Method(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("handler", HANDLER), ("levels", ctypes.c_uint32 * 4)]


class Reply(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("reserved", ctypes.c_uint32),
                ("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class RequestOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("stale_ms", ctypes.c_uint32), ("lane", ctypes.c_uint64),
                ("deadline_ns", ctypes.c_uint64), ("inbox", ctypes.c_uint64),
                ("callback", ctypes.c_void_p), ("user", ctypes.c_void_p),
                ("free", ctypes.c_void_p), ("free_user", ctypes.c_void_p)]


class ListenerOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("event", ctypes.c_uint32), ("listener", LISTENER),
                ("gone", ctypes.c_void_p), ("user", ctypes.c_void_p),
                ("name", ctypes.c_char_p)]


def sized(struct, **fields):
    return struct(ctypes.sizeof(struct), **fields)


# ------------------------------------------------------------- the library

SIZE, HOLD, DEFER, HANDLE = range(4)
gate, holds = threading.Event(), threading.Event()
deferred = []


@HANDLER
def size_of(call, data, size, state):
    return 1 + size


@HANDLER
def hold(call, data, size, state):
    holds.set()
    gate.wait()
    return 0


@HANDLER
def defer(call, data, size, state):
    check(lib.ferry_call_defer(call) == 0, "defer")
    deferred.append(call)
    return 0


@HANDLER
def open_handle(call, data, size, state):
    handle = ctypes.c_uint64()
    check(lib.ferry_handle_open(ref(handle), call, None, None, None) == 0,
          "handle open")
    lib.ferry_call_reply(call, 0, ref(handle), 8)
    return 0


METHODS = (Method * 4)(*(
    sized(Method, name=name, handler=handler) for name, handler in (
        (b"size", size_of), (b"hold", hold), (b"defer", defer),
        (b"handle", open_handle))))


@LISTENER
def hear(context, event, data, size, dropped, user):
    pass


LISTENING = sized(ListenerOptions, event=0xffffffff, listener=hear)
# Options that may not be NULL.
REQUIRED = {"ferry_listener_options": ctypes.addressof(LISTENING)}


class Service:
    """A context, and the library it is on."""

    def __init__(self):
        self.library, self.context = ctypes.c_uint64(), ctypes.c_uint64()
        options = sized(pyapi.LibraryOptions, name=b"service", n_methods=4,
                        methods=ctypes.addressof(METHODS))
        check(lib.ferry_library_open(ref(self.library), ref(options)) == 0,
              "library")
        options = sized(pyapi.ContextOptions, library=self.library.value)
        check(lib.ferry_context_open(ref(self.context), ref(options)) == 0,
              "open")

    def submit(self, method, data=b"", **options):
        request = ctypes.c_uint64()
        check(lib.ferry_request_submit(
            ref(request), self.context, method, data, len(data),
            ref(sized(RequestOptions, **options))) == 0, "submit")
        return request.value

    def wait(self, request, into=None):
        reply = Reply()
        check(lib.ferry_request_wait(ref(reply), request, LIMIT * 1000) == 0,
              "wait")
        if into is not None:
            ctypes.memmove(ref(into), reply.data, ctypes.sizeof(into))
        lib.ferry_block_release(reply.data)
        return reply.status

    def ask(self, n):
        return self.wait(self.submit(SIZE, b"x" * n)) - 1

    def close(self):
        check(lib.ferry_context_close(self.context, None, None) == 0, "close")
        check(lib.ferry_library_close(self.library) == 0, "library close")


parent = None       # its service, for children to try


def work(n):
    """What a child does, in any kind of pool: the parent's token is refused,
    a context of its own answers."""
    check(lib.ferry_context_close(parent.context, None, None) == EFORKED,
          "the parent's context in a child")
    service = Service()
    answer = service.ask(n)
    service.close()
    return answer


def in_child(run, *args):
    """Runs it in a child of os.fork(), which must be content."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT)
        try:
            run(*args)
        except BaseException as error:      # check() has said why
            print("child:", repr(error), flush=True)
            os._exit(1)
        os._exit(WELL)
    status = os.waitpid(child, 0)[1]
    check(os.WIFEXITED(status) and os.WEXITSTATUS(status) == WELL,
          "a child ended with", status, run.__name__, args)


# -------------------------------------------------------------- all tokens

def refuse(name, tokens):
    """Calls one function with the parent's tokens."""
    room = ctypes.create_string_buffer(4096)
    pointer = ctypes.addressof(room)
    ctypes.c_size_t.from_address(pointer).value = 4096  # a struct_size
    values = []
    for argument in functions[name]:
        kind = argument.split()[0]
        if re.match(r"ferry_\w+ \w+$", argument) and "_fn" not in argument:
            check(kind in tokens, "no token to try of kind", kind)
            values.append(tokens[kind])
        else:
            out = "*" in argument and not re.search(
                r"\bconst\b|\*block$", argument)
            kind = argument.split()[1]
            values.append(pointer if out else REQUIRED.get(kind, 0))
    result = getattr(lib, name)(*values)
    check(result == EFORKED, name, "of the parent's tokens returned", result)


def refuse_all(names, tokens):
    for name in names:
        refuse(name, tokens)
    work(3)
    for name in names:
        refuse(name, tokens)


def every_function():
    handle, inbox, listener = (ctypes.c_uint64() for _ in range(3))
    check(parent.wait(parent.submit(HANDLE), handle) == 0, "handle")
    check(lib.ferry_inbox_open(ref(inbox), None) == 0, "inbox")
    check(lib.ferry_listener_add(ref(listener), parent.context,
                                 ref(LISTENING)) == 0, "listener")
    request = parent.submit(DEFER)
    while not deferred:
        parent.ask(1)
    tokens = {"ferry_library": parent.library.value,
              "ferry_context": parent.context.value,
              "ferry_request": request, "ferry_call": deferred[0],
              "ferry_handle": handle.value, "ferry_inbox": inbox.value,
              "ferry_listener": listener.value}
    names = [name for name, args in functions.items()
             if any(re.match(r"ferry_\w+ \w+$", a) and "_fn" not in a
                    for a in args)]
    check(len(names) >= 32, "functions with tokens:", names)
    for name in names:
        in_child(refuse, name, tokens)
    in_child(refuse_all, names, tokens)
    # In the parent all of them are as good as before.
    check(lib.ferry_call_reply(deferred.pop(), 5, None, 0) == 0, "reply")
    check(parent.wait(request) == 5, "the deferred reply")
    check(lib.ferry_handle_release(handle) == 0, "handle release")
    check(lib.ferry_inbox_close(None, inbox) == 0, "inbox close")
    check(lib.ferry_listener_remove_wait(listener, LIMIT * 1000) == 0,
          "listener")
    print("%d functions" % len(names))


# ------------------------------------------------------- the ways to fork

def process():
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    children = [fork.Process(target=lambda n=n: queue.put(work(n)))
                for n in range(4)]
    for child in children:
        child.start()
    check(sorted(queue.get() for _ in children) == [0, 1, 2, 3], "Process")
    for child in children:
        child.join(LIMIT)
        check(child.exitcode == 0, "Process ended with", child.exitcode)


def pool():
    with multiprocessing.get_context("fork").Pool(3) as workers:
        check(workers.map(work, range(30)) == list(range(30)), "Pool.map")


def executor():
    with concurrent.futures.ProcessPoolExecutor(
            3, mp_context=multiprocessing.get_context("fork")) as workers:
        check(list(workers.map(work, range(30))) == list(range(30)),
              "ProcessPoolExecutor")


def exits():
    """A child that ends as programs do, with the interpreter's own end."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT)
        sys.exit(WELL if work(9) == 9 else 1)
    status = os.waitpid(child, 0)[1]
    check(os.WIFEXITED(status) and os.WEXITSTATUS(status) == WELL,
          "sys.exit of a child:", status)


WAYS = (process, pool, executor, exits)


class Desk:
    """An inbox on the running loop."""

    def __init__(self, service):
        self.service, self.inbox = service, ctypes.c_uint64()
        self.loop, self.waiting = asyncio.get_running_loop(), {}
        fd = ctypes.c_int()
        check(lib.ferry_inbox_open(ref(self.inbox), None) == 0, "inbox")
        check(lib.ferry_inbox_fd(ref(fd), self.inbox) == 0, "fd")
        check(lib.ferry_inbox_attach(
            self.inbox, service.context, None) == 0, "attach")
        self.fd = fd.value
        self.loop.add_reader(self.fd, self.drain)

    def ask(self, method, n=0):
        key = len(self.waiting) + 1
        self.waiting[key] = future = self.loop.create_future()
        self.service.submit(method, b"x" * n, inbox=self.inbox.value,
                            user=key)
        return future

    def drain(self):
        items = (pyapi.Completion * 16)()
        for i in range(lib.ferry_inbox_take(items, 16, self.inbox)):
            check(items[i].kind == 1, "kind", items[i].kind)
            self.waiting[items[i].user].set_result(items[i].status - 1)

    def close(self):
        self.loop.remove_reader(self.fd)
        check(lib.ferry_inbox_close(None, self.inbox) == 0, "inbox close")


async def in_flight():
    """Forks on the loop's own thread and on others, with a handler running and
    requests queued behind it; each is then answered once."""
    desk = Desk(parent)
    held = desk.ask(HOLD)
    check(holds.wait(LIMIT), "the handler has not begun")
    futures = [desk.ask(SIZE, n) for n in range(50)]
    in_child(work, 5)
    content = []
    for way in WAYS:
        way()
        thread = threading.Thread(
            target=lambda: content.append(in_child(work, 6)))
        thread.start()
        thread.join()
    check(len(content) == len(WAYS), "forks on other threads")
    check(not held.done() and not any(f.done() for f in futures), "too early")
    gate.set()
    check(await asyncio.wait_for(held, LIMIT) == -1, "held")
    check(await asyncio.wait_for(asyncio.gather(*futures), LIMIT) ==
          list(range(50)), "the replies")
    check(await asyncio.wait_for(desk.ask(SIZE, 7), LIMIT) == 7, "afterwards")
    desk.close()


def main():
    global parent
    parent = Service()
    every_function()
    for way in WAYS:
        way()
        check(parent.ask(4) == 4, "the parent after", way.__name__)
    asyncio.run(in_flight())
    check(parent.ask(4) == 4, "the parent")
    parent.close()


if __name__ == "__main__":
    main()

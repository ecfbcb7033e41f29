"""What the tests of Python's runtime share. By pytest, or each by itself:

    test_calls.py [NAME]

runs its functions test_… in their order.
"""

import ctypes
import gc
import inspect
import os
import signal
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, *[os.pardir] * 4))
BUILD = os.path.join(ROOT, os.environ.get("O") or "build")
SLOW = float(os.environ.get("T_SLOW") or 1)
os.environ.setdefault("FERRY_LIBRARY", os.path.join(BUILD, "libferry.so"))
sys.path.insert(0, os.path.join(ROOT, "ffi/codegen/python/runtime"))

import ferry_runtime as fr  # noqa: E402 (where it is has just been said)


def path(name):
    """A hand-written library; python.mk builds them."""
    return os.path.join(BUILD, "tests/codegen/python/lib%s_ferry.so" % name)


class Refused(fr.LibraryError):
    """The library's status 1."""


class CounterError(fr.LibraryError):
    """Any other."""


def load(name="counter", **more):
    return fr.load(path(name), name, errors={1: Refused}, base=CounterError,
                   **more)


counter = load()
(ECHO, HOLD, FAIL, NOISE, MAKE, VALUE, ALIVE, SLEEP, GATE) = (
    counter.function(name).id for name in (
        "echo", "hold", "fail", "noise", "make", "thing.value", "alive",
        "sleep", "gate"))
gate = ctypes.CDLL(path("counter"))     # counter_gate_open(), and so on
ON_NOISE, ON_SILENCE = (
    counter.function(name).id for name in ("on_noise", "on_silence"))
START = struct.pack("=II", 1, 0)
LONG = struct.pack("=I", 2 ** 32 - 1)   # for HOLD and SLEEP: 49 days
LATE = struct.pack("=II", 1, 1)         # when the gate opens
NOWHERE = struct.pack("=II", 2 ** 32 - 1, 0)


def u32(n):
    return struct.pack("=I", n)


def number(block):
    return struct.unpack("=I", block)[0]


def failure(status, text):
    return struct.pack("=i", status) + text.encode() + b"\0"


def opened(package=counter, **more):
    """A coroutine: a context for asyncio."""
    return package.open(0, 0, START, **more)


def blocking(package=counter, **more):
    return package.open_blocking(0, 0, START, **more)


def raises(kind, function, *args, **more):
    """The exception, which must come."""
    try:
        function(*args, **more)
    except kind as error:
        return error
    raise AssertionError("no %s" % kind.__name__)


async def araises(kind, awaitable):
    try:
        await awaitable
    except kind as error:
        return error
    raise AssertionError("no %s" % kind.__name__)


def until(condition, seconds=10):
    """Waits for what another thread does, and nobody tells of."""
    end = time.monotonic() + seconds * SLOW
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


class Thread(threading.Thread):
    """Runs a function, from now on. What that raises is raised by join()."""

    def __init__(self, function, *args):
        super().__init__(target=self._call, args=(function,) + args)
        self._raised = None
        self.start()

    def _call(self, function, *args):
        try:
            function(*args)
        except BaseException as error:
            self._raised = error

    def join(self, timeout=None):
        super().join(timeout)
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised


def _sleep_of(tid):
    """Which of its sleeps a thread is in; None: in none."""
    with open("/proc/self/task/%d/status" % tid) as file:
        said = dict(line.split(":", 1) for line in file)
    if said["State"].split()[0] == "S":
        return said["voluntary_ctxt_switches"]
    return None


def asleep(thread):
    """Waits until a thread sleeps, and goes on: not for the interpreter's lock
    or for a moment, but for something that does not come by itself."""
    def one_sleep():
        sleep = _sleep_of(thread.native_id)
        time.sleep(0.05)
        return sleep is not None and sleep == _sleep_of(thread.native_id)
    until(one_sleep)


def interrupted(function, ready=lambda: True):
    """Calls a function that waits, and that Ctrl-C is to end as it does: not
    before it is called and `ready()`, and not before it sleeps, since a signal
    that lands just before a sleep ends no sleep of the interpreter's own."""
    called = threading.Event()

    def interrupt():
        called.wait()
        until(ready)
        asleep(threading.main_thread())
        os.kill(os.getpid(), signal.SIGINT)

    def call():
        called.set()
        function()
    # What a shell starts in the background is deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = Thread(interrupt)
    raises(KeyboardInterrupt, call)
    thread.join()
    signal.signal(signal.SIGINT, before)


def descriptors():
    """How many there are that loops and inboxes have. (The watchdog opens
    files, of debugging information.)"""
    n = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            n += not os.readlink("/proc/self/fd/" + name).startswith("/")
        except FileNotFoundError:
            pass    # it was the folder's own
    return n


def collected(condition):
    """Waits until the collector has what a thread, that is just about to end,
    may still hold."""
    until(lambda: gc.collect() >= 0 and condition())


def child(script, *args, timeout=30):
    """Runs a script, which may import this, in another interpreter."""
    return subprocess.run(
        [sys.executable, "-B", "-X", "dev", "-c", script, *args],
        cwd=HERE, timeout=timeout * SLOW, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main(names):
    """Runs a file's tests."""
    for name, test in list(names.items()):
        if not (name.startswith("test_") and inspect.isfunction(test)):
            continue
        if sys.argv[1:] and name != sys.argv[1]:
            continue
        began = time.monotonic()
        test()
        print("%-40s %6.0f ms" % (name, (time.monotonic() - began) * 1e3),
              flush=True)

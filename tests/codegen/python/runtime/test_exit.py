#!/usr/bin/env python3
"""The end of a process in the middle of everything, with 1000 calls in flight:
by its own code, soon, and in silence.

The environment's EXIT_RUNS says how often, each. T_LIMIT=1200 is for 100 runs.
"""

import asyncio
import atexit
import concurrent.futures
import os
import subprocess
import sys
import threading
import time

import rt
from rt import fr

sys.path.insert(0, os.path.join(rt.ROOT, "tests"))
import stalls  # noqa: E402 (where it is has just been said)

RUNS = int(os.environ.get("EXIT_RUNS") or 2)
LEAVE_S, ARRIVE_S, CALLS = 2.0, 30.0, 1000
CODES = (0, 3, 77)


class Child:
    """What goes on in a child, and when it begins to leave."""

    def __init__(self, code, control, is_cut_off):
        self.code, self.control = code, control
        rt.gate.counter_fini_tells(control)
        if not is_cut_off:
            # Its library ends, however late its thread is: what it does not
            # wait for here is no part of LEAVE_S.
            atexit.unregister(fr._context.at_exit)
            atexit.register(fr._context.at_exit, ARRIVE_S * rt.SLOW)

    def leave(self):
        os.write(self.control,
                 time.monotonic_ns().to_bytes(8, sys.byteorder))

    def exit(self):
        self.leave()
        sys.exit(self.code)

    def in_flight(self, context, first):
        """One holds the thread, the others wait behind it."""
        return [context.request(*first)] + [
            context.request(rt.ECHO, b"x" * 64) for _ in range(CALLS - 1)]


HOLD = (rt.HOLD, rt.LONG)
BUSY = (rt.ECHO, b"")
DEAF = (rt.GATE, b"")


async def on_loop(child, first, leave):
    context = await rt.opened()
    child.kept = child.in_flight(context, first)
    child.context = context
    while first is DEAF and not rt.gate.counter_at_gate():
        await asyncio.sleep(0.001)  # not begun, it would be cancelled
    leave()


def exits_in_task(child):
    asyncio.run(on_loop(child, HOLD, child.exit))


def exits_in_task_busy(child):
    asyncio.run(on_loop(child, BUSY, child.exit))


def exits_in_task_deaf(child):
    asyncio.run(on_loop(child, DEAF, child.exit))


def exits_with_tasks(child):
    async def call(context):
        try:
            await context.request(rt.ECHO, b"x")
        except fr.ClosedError:
            pass    # or cancelled, or a result

    async def body():
        async with await rt.opened() as context:
            child.tasks = [asyncio.ensure_future(call(context))
                           for _ in range(CALLS)]
            await asyncio.sleep(0)
            child.exit()
    asyncio.run(body())


def exits_in_callback(child):
    """A reply's own callback."""
    async def body():
        context = await rt.opened()
        child.kept = child.in_flight(context, BUSY)
        child.kept[500].add_done_callback(lambda _: child.exit())
        await asyncio.sleep(60)
    asyncio.run(body())


def loop_is_left(child):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(on_loop(child, HOLD, lambda: None))
    child.loop = loop
    child.exit()


def loop_is_closed(child):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(on_loop(child, HOLD, lambda: None))
    loop.close()
    child.exit()


def while_opening(child):
    async def body():
        child.task = asyncio.ensure_future(rt.counter.open(0, 0, rt.LATE))
        await asyncio.sleep(0)
        child.exit()
    asyncio.run(body())


def while_closing(child):
    async def body():
        context = await rt.opened()
        child.kept = child.in_flight(context, HOLD)
        child.task = asyncio.ensure_future(context.close())
        await asyncio.sleep(0)
        child.exit()
    asyncio.run(body())


def with_streams(child):
    async def body():
        context = await rt.opened()
        child.stream = context.events({rt.ON_NOISE: rt.number})

        async def read():
            async for _ in child.stream:
                pass
        child.reader = asyncio.ensure_future(read())
        child.noise = context.request(rt.NOISE, rt.u32(10 ** 9))
        await child.stream_started()
        child.exit()

    async def started():
        for _ in range(10):
            await asyncio.sleep(0)
    child.stream_started = started
    asyncio.run(body())


def daemon(function):
    # At exit its call raises ClosedError, if it still comes to that.
    threading.excepthook = lambda _: None
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def daemons_wait(child):
    child.context = rt.blocking()
    for _ in range(8):
        daemon(lambda: child.context.request(*HOLD))
    rt.until(lambda: child.context.counters()["submitted"] == 8)
    child.exit()


def daemons_busy(child):
    child.context = rt.blocking()

    def work():
        while True:
            child.context.request(rt.ECHO, b"x")
    for _ in range(4):
        daemon(work)
    rt.until(lambda: child.context.counters()["ended_ok"] > 100)
    child.exit()


def daemon_loop(child):
    def run():
        asyncio.run(forever())

    async def forever():
        child.context = await rt.opened()
        child.begun = True
        while True:
            await asyncio.gather(*(
                child.context.request(rt.ECHO) for _ in range(CALLS)),
                return_exceptions=True)
    child.begun = False
    daemon(run)
    rt.until(lambda: child.begun)
    child.exit()


def threads_finish(child):
    """The interpreter waits for its threads, and their calls go on."""
    child.context = rt.blocking()
    main = threading.main_thread()

    def work():
        main.join()
        for i in range(100):
            if child.context.request(rt.ECHO, b"%d" % i, int) != i:
                os._exit(9)
        child.leave()
        child.context.close()
    threading.Thread(target=work).start()
    sys.exit(child.code)


def with_handles(child):
    child.context = rt.blocking()
    child.handles = [child.context.request(
        rt.MAKE, rt.u32(i), lambda block: fr.Handle(
            int.from_bytes(block, sys.byteorder), child.context))
        for i in range(CALLS)]
    child.exit()


def os_exit(child):
    child.context = rt.blocking()
    for _ in range(8):
        daemon(lambda: child.context.request(*HOLD))
    child.leave()
    os._exit(child.code)


def exception(child):
    sys.excepthook = lambda *_: None
    child.code = 1
    asyncio.run(on_loop(child, HOLD, child.leave))
    raise RuntimeError


def run_one(way, code, stood):
    ours, theirs = os.pipe()
    p = subprocess.Popen(
        [sys.executable, "-B", __file__, "--child", way, str(code),
         str(theirs)], pass_fds=[theirs], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.close(theirs)
    try:
        output = p.communicate(timeout=ARRIVE_S * rt.SLOW)[0]
        now = time.monotonic_ns()
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise AssertionError(way + ": did not end")
    began, ended = os.read(ours, 8), os.read(ours, 8)
    os.close(ours)
    # Libraries were ended, too, where Python itself had an end.
    if way != EITHER:
        assert ended == (b"" if way in CUT_OFF else b"f"), (way, ended)
    expected = 1 if way == "exception" else code
    assert p.returncode == expected and not output, (
        way, p.returncode, expected, output[-600:].decode())
    began = int.from_bytes(began, sys.byteorder)
    took = (now - began - stood.between(began, now)) / 1e9
    assert took < LEAVE_S * rt.SLOW, (way, took)
    return took


WAYS = {f.__name__: f for f in (
    exits_in_task, exits_in_task_busy, exits_in_task_deaf, exits_with_tasks,
    exits_in_callback, loop_is_left, loop_is_closed, while_opening,
    while_closing, with_streams, daemons_wait, daemons_busy, daemon_loop,
    threads_finish, with_handles, os_exit, exception)}


CUT_OFF = {"exits_in_task_deaf", "os_exit", "while_opening"}
EITHER = "while_closing"    # it depends on who comes first


def test_ways():
    # Two at a time: they end in a race, and with a neighbour it is another.
    stood = stalls.Stalls()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for way in WAYS:
            took = pool.map(run_one, [way] * RUNS, CODES * RUNS,
                            [stood] * RUNS)
            print("%-20s gone after %4.0f ms at most" % (
                way, max(took) * 1e3), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        import warnings
        warnings.simplefilter("ignore", ResourceWarning)
        WAYS[sys.argv[2]](Child(int(sys.argv[3]), int(sys.argv[4]),
                                sys.argv[2] in CUT_OFF | {EITHER}))
    else:
        rt.main(globals())

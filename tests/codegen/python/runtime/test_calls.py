#!/usr/bin/env python3
"""Calls on a loop: results, errors, timeouts, cancels, room, the close."""

import asyncio
import gc
import threading
import time
import unittest.mock
import weakref

import rt
from rt import fr


def on_loop(test):
    """A test that is a coroutine of a context."""
    def run():
        async def body():
            async with await rt.opened() as context:
                await test(context)
        asyncio.run(body())
    run.__name__ = test.__name__
    return run


gate = rt.gate


class Held:
    """The library's thread is held, until this is left."""

    def __init__(self, context):
        self.context = context

    async def __aenter__(self):
        gate.counter_gate_close()
        self.request = self.context.request(rt.GATE)
        while not gate.counter_at_gate():
            await asyncio.sleep(0.001)
        return self

    async def __aexit__(self, *_):
        gate.counter_gate_open()
        await self.request


@on_loop
async def test_results(c):
    assert await c.request(rt.ECHO, b"hello") == b"hello"
    assert await c.request(rt.ECHO) == b""
    big = bytes(range(256)) * 4096
    assert await c.request(rt.ECHO, big) == big
    assert await c.request(rt.ECHO, b"17", int) == 17
    assert await asyncio.gather(*(
        c.request(rt.ECHO, rt.u32(i), rt.number) for i in range(1000))
    ) == list(range(1000))


@on_loop
async def test_places_are_used_again(c):
    async def window():
        await asyncio.gather(*(c.request(rt.ECHO) for _ in range(100)))
    await window()
    [port] = c._ports.values()
    before = len(port.pending)
    for _ in range(20):
        await window()
    assert len(port.pending) == before
    assert len(port.free) == before and not any(port.pending)


@on_loop
async def test_decode_raises(c):
    await rt.araises(ValueError, c.request(rt.ECHO, b"x", int))
    assert await c.request(rt.ECHO, b"1", int) == 1


def test_interrupted():
    """What a signal handler raises amid replies costs none of the others."""
    def strike(block):
        raise KeyboardInterrupt

    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(rt.opened())

    async def submit():
        c.request(rt.GATE)
        return [c.request(rt.ECHO, rt.u32(i),
                          strike if i == 50 else rt.number)
                for i in range(100)]

    async def others(requests):
        return await asyncio.gather(*requests[:50], *requests[51:])
    gate.counter_gate_close()
    requests = loop.run_until_complete(submit())
    gate.counter_gate_open()
    rt.until(lambda: c.counters()["ended_ok"] == 101)
    rt.raises(KeyboardInterrupt, loop.run_until_complete, others(requests))
    assert len(loop.run_until_complete(others(requests))) == 99
    loop.run_until_complete(c.close())
    loop.close()


def test_interrupted_as_replies_are_taken():
    """They had been, and nobody had been told how many."""
    lib, left = fr._inbox.lib, [2]
    before = lib.inbox_take

    def take(*args):
        n = before(*args)
        if n > 0 and left:
            left.pop()
            raise KeyboardInterrupt
        return n
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(rt.opened())

    async def calls(*numbers):
        assert await asyncio.gather(*(
            c.request(rt.ECHO, rt.u32(n), rt.number) for n in numbers)
        ) == list(numbers)
    with unittest.mock.patch.object(lib, "inbox_take", take):
        waiting = loop.create_task(calls(*range(300)))
        rt.raises(KeyboardInterrupt, loop.run_until_complete, waiting)
        loop.run_until_complete(waiting)
        loop.run_until_complete(calls(1))
    [port] = c._ports.values()
    assert not any(port.pending) and not left
    loop.run_until_complete(c.close())
    loop.close()


def test_interrupted_as_replies_are_given_back():
    """They are, once."""
    lib, given = fr._inbox.lib, []
    before = lib.inbox_release

    def release(address, n):
        given.append(n)
        r = before(address, n)
        if len(given) == 1:
            raise KeyboardInterrupt
        return r
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(rt.opened())

    async def call(n):
        assert await c.request(rt.ECHO, rt.u32(n), rt.number) == n
    with unittest.mock.patch.object(lib, "inbox_release", release):
        rt.raises(KeyboardInterrupt, loop.run_until_complete, call(1))
        loop.run_until_complete(call(2))
    assert given == [1, 1], given
    loop.run_until_complete(c.close())
    loop.close()


@on_loop
async def test_errors(c):
    error = await rt.araises(rt.Refused, c.request(
        rt.FAIL, rt.failure(1, "no\N{SNOWMAN}")))
    assert error.code == 1 and error.text == str(error) == "no\N{SNOWMAN}"
    error = await rt.araises(rt.CounterError, c.request(
        rt.FAIL, rt.failure(7, "")))
    assert error.code == 7 and str(error) == "status 7"
    error = await rt.araises(fr.InvalidError, c.request(
        rt.FAIL, rt.failure(-1, "field 3 is past the end")))
    assert error.name == "FERRY_EINVAL" and "field 3" in str(error)
    error = await rt.araises(fr.StaleError, c.request(
        rt.FAIL, rt.failure(-2, "")))
    assert str(error)
    own = fr.Errors({7: OverflowError}, ValueError)
    error = await rt.araises(OverflowError, c.request(
        rt.FAIL, rt.failure(7, "mine"), errors=own))
    assert error.args == (7, "mine")


@on_loop
async def test_refused(c):
    rt.raises(fr.FerryError, c.request, 999)
    error = rt.raises(fr.TooBigError, c.request, rt.ECHO,
                      bytes(16 * 1024 * 1024 + 1))
    assert error.name == "FERRY_E2BIG"
    assert await c.request(rt.ECHO, b"still") == b"still"


@on_loop
async def test_timeout(c):
    async with Held(c):
        began = time.monotonic()
        error = await rt.araises(asyncio.TimeoutError, c.request(
            rt.ECHO, b"never", timeout=0.02))
        assert isinstance(error, TimeoutError)
        assert isinstance(error, fr.FerryError)
        assert time.monotonic() - began > 0.01 and gate.counter_at_gate()
    # It was never started, and what has run for too long is interrupted.
    await rt.araises(TimeoutError, c.request(rt.HOLD, rt.LONG, timeout=0.02))
    await rt.araises(TimeoutError, c.request(rt.SLEEP, rt.LONG, timeout=0.02))
    await rt.araises(TimeoutError, c.request(rt.ECHO, timeout=0))
    await rt.araises(TimeoutError, c.request(rt.ECHO, timeout=-1))
    assert await c.request(rt.ECHO, b"in time", timeout=60) == b"in time"
    counts = c.counters()
    assert counts["unstarted_deadline"] + counts["unstarted_canceled"] >= 1


@on_loop
async def test_timeout_of_strands(c):
    """Ferry cancels them when their deadline has passed: a timeout too."""
    for _ in range(30):
        errors = await asyncio.gather(*(
            c.request(rt.SLEEP, rt.LONG, timeout=0.0005 + i * 1e-5)
            for i in range(50)), return_exceptions=True)
        assert all(isinstance(e, TimeoutError) for e in errors), errors


@on_loop
async def test_cancel_queued(c):
    async with Held(c):
        requests = [c.request(rt.ECHO, b"x") for _ in range(100)]
        task = asyncio.ensure_future(asyncio.gather(*requests[:50]))
        await asyncio.sleep(0)
        task.cancel()
        await rt.araises(asyncio.CancelledError, task)
        for request in requests[50:]:
            assert request.cancel() and not request.cancel()
        assert c.counters()["unstarted_canceled"] == 100
    assert await c.request(rt.ECHO, b"y") == b"y"


@on_loop
async def test_cancel_running(c):
    for n, function in enumerate((rt.HOLD, rt.SLEEP), 1):
        task = asyncio.ensure_future(c.request(function, rt.LONG))
        while c.counters()["running"] == 0:
            await asyncio.sleep(0.001)
        task.cancel()
        await rt.araises(asyncio.CancelledError, task)
        # And the library is free again. (A strand is resumed in its turn.)
        assert await c.request(rt.ECHO, b"x") == b"x"
        rt.until(lambda: c.counters()["running"] == 0)
        assert c.counters()["ended_canceled"] == n


@on_loop
async def test_cancel_answered(c):
    """The reply is there already, and has not been looked at."""
    request = c.request(rt.ECHO, b"late")
    rt.until(lambda: c.counters()["ended_ok"] == 1)
    assert request.cancel()
    await rt.araises(asyncio.CancelledError, request)
    request = c.request(rt.ECHO, b"x")
    await request
    assert not request.cancel()


@on_loop
async def test_cancel_deaf(c):
    """Nothing waits for a call that does not listen."""
    async with Held(c) as held:
        other = asyncio.ensure_future(asyncio.wait_for(
            asyncio.shield(held.request), 0.01))
        await rt.araises(asyncio.TimeoutError, other)
        queued = asyncio.ensure_future(c.request(rt.ECHO, b"x"))
        await asyncio.sleep(0)
        queued.cancel()
        await rt.araises(asyncio.CancelledError, queued)


@on_loop
async def test_room(c):
    """More than a thread may have unfinished wait here, in order."""
    requests = [c.request(rt.ECHO, rt.u32(i), rt.number)
                for i in range(10000)]
    assert requests[9000].cancel()
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert isinstance(results[9000], asyncio.CancelledError)
    assert results[:9000] == list(range(9000))
    assert results[9001:] == list(range(9001, 10000))
    assert c.counters()["started"] == 9999


def test_room_and_close():
    async def body():
        c = await rt.opened()
        async with Held(c):
            requests = [c.request(rt.ECHO, b"") for _ in range(6000)]
            closing = asyncio.ensure_future(c.close(fr.CloseMode.CANCEL))
            results = await asyncio.gather(*requests, return_exceptions=True)
            assert all(isinstance(r, fr.ClosedError) for r in results)
        assert await closing is None
        assert c.closed and await c.close() is None
        rt.raises(fr.ClosedError, c.request, rt.ECHO)
    asyncio.run(body())


def test_close_leaves_behind():
    async def body():
        c = await rt.opened()
        gate.counter_gate_close()
        request = c.request(rt.GATE)
        while not gate.counter_at_gate():
            await asyncio.sleep(0.001)
        report = await c.close(fr.CloseMode.DRAIN, 0.05)
        assert report.running == 1 and report.abandoned == 1
        assert report.method == "gate" and not c.closed
        await rt.araises(fr.ClosedError, request)
        gate.counter_gate_open()
        assert await c.close() is None and c.closed
    asyncio.run(body())


def test_open():
    async def body():
        error = await rt.araises(rt.Refused, rt.counter.open(
            0, 0, rt.NOWHERE))
        assert str(error) == "starts nowhere"
        await rt.araises(fr.InvalidError, rt.counter.open(0, 0, b""))
        gate.counter_gate_close()
        await rt.araises(TimeoutError, rt.counter.open(
            0, 0, rt.LATE, timeout=0.01))
        gate.counter_gate_open()
        gate.counter_gate_close()
        task = asyncio.ensure_future(rt.counter.open(0, 0, rt.LATE))
        while not gate.counter_at_gate():
            await asyncio.sleep(0.001)
        task.cancel()
        await rt.araises(asyncio.CancelledError, task)
        gate.counter_gate_open()
        options = fr.OpenOptions(worker_key="k", thread_name="here", depth=8)
        async with await rt.opened(options=options) as c:
            assert len(await asyncio.gather(*(
                c.request(rt.ECHO) for _ in range(100)))) == 100
    asyncio.run(body())


def test_cancel_meets_the_open():
    """A task that is cancelled when the context is there already, and before
    it has it: the context is closed, as one that opens later is."""
    closed = []

    class Watched(fr.Context):
        def _close(self, mode, timeout):
            closed.append(super()._close(mode, timeout))

    async def body():
        task = asyncio.ensure_future(rt.opened())
        await asyncio.sleep(0)
        rt.until(lambda: "ferry-blocking" not in (
            t.name for t in threading.enumerate()))
        # The result is about to be set, and the task is not about to go on.
        asyncio.get_running_loop().call_soon(task.cancel)
        await rt.araises(asyncio.CancelledError, task)

    with unittest.mock.patch("ferry_runtime._package.Context", Watched):
        asyncio.run(body())
    rt.until(lambda: closed)


def test_dropped_context():
    """Nobody closed it: it is closed, and said so."""
    import contextlib
    import os
    import warnings

    def threads():
        found = set()
        for tid in os.listdir("/proc/self/task"):
            with contextlib.suppress(OSError):      # it has ended meanwhile
                with open("/proc/self/task/%s/comm" % tid) as name:
                    if name.read().startswith("counter"):
                        found.add(tid)
        return found

    before = threads()      # some of an earlier test's may just be going
    c = rt.blocking()
    its = threads() - before
    assert its
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del c
        gc.collect()
    assert [w for w in said if issubclass(w.category, ResourceWarning)]
    said.clear()            # the warning's source is the context itself
    rt.until(lambda: not its & threads())


def test_interrupted_with_a_reply_in_hand():
    """The loop may go on, and knows that this one will not come."""
    def interrupt(block):
        raise KeyboardInterrupt
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(rt.opened())

    calls = []

    async def submit():
        calls.append(c.request(rt.ECHO, b"", interrupt))
        calls.append(c.request(rt.ECHO, b"x"))
        await calls[0]
    rt.raises(KeyboardInterrupt, loop.run_until_complete, submit())
    call, other = calls
    assert loop.run_until_complete(asyncio.wait_for(other, 30)) == b"x"
    assert call.cancelled()
    loop.run_until_complete(c.close())
    loop.close()


def test_calls_that_a_close_has_ended():
    """Nobody is told that their errors have not been looked at."""
    told, kept = [], []

    async def body():
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, what: told.append(what))
        async with await rt.opened() as c:
            calls = [c.request(rt.HOLD, rt.LONG)] + [
                c.request(rt.ECHO) for _ in range(9)]
            kept.extend(map(weakref.ref, calls))
            rt.until(lambda: c.counters()["running"] == 1)
            raise KeyError
    rt.raises(KeyError, asyncio.run, body())
    rt.collected(lambda: not any(call() for call in kept))
    assert not told, told


if __name__ == "__main__":
    rt.main(globals())

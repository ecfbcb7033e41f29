#!/usr/bin/env python3
"""Forks in the middle: what is the parent's, and what the child may have."""

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
import traceback

import rt
from rt import fr


def forked(work):
    """Runs work() in a forked child, which must end well, and at once."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(int(30 * rt.SLOW))
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


def anew():
    """All of it, in the child."""
    with rt.blocking() as c:
        assert c.request(rt.ECHO, b"child") == b"child"

    async def body():
        async with await rt.opened() as c:
            assert await asyncio.gather(*(
                c.request(rt.ECHO, rt.u32(i), rt.number)
                for i in range(100))) == list(range(100))
            async with c.events({rt.ON_SILENCE: bytes.hex}) as stream:
                await c.request(rt.NOISE, rt.u32(1))
                assert await stream.__anext__() == ""
    asyncio.run(body())


def test_blocking():
    with rt.blocking() as c, c.events({rt.ON_NOISE: rt.number}) as stream:
        def child():
            rt.raises(fr.ForkedError, c.request, rt.ECHO, b"x")
            rt.raises(fr.ForkedError, next, stream)
            rt.raises(fr.ForkedError, c.counters)
            assert c.close() is None
            stream.close()
            anew()
            assert rt.counter.call("version") == b"1.0\0"
        forked(child)
        assert c.request(rt.ECHO, b"x") == b"x"
        c.request(rt.NOISE, rt.u32(1))
        assert next(stream) == 0


def test_on_a_loop():
    """A child of a running loop, with calls on their way."""
    async def body():
        async with await rt.opened() as c:
            request = c.request(rt.HOLD, rt.LONG)
            rt.until(lambda: c.counters()["running"] == 1)
            queued = [c.request(rt.ECHO, rt.u32(i), rt.number)
                      for i in range(100)]
            stream = c.events({rt.ON_NOISE: rt.number})

            def child():
                # The loop that runs here is the parent's: it is left alone.
                asyncio._set_running_loop(None)

                async def use():
                    await rt.araises(fr.ForkedError, stream.__anext__())
                    c.request(rt.ECHO)
                rt.raises(fr.ForkedError, asyncio.run, use())
                for r in queued:
                    assert r.cancel()
                gc.collect()
                anew()
            forked(child)
            request.cancel()
            assert await asyncio.gather(*queued) == list(range(100))
            await c.request(rt.NOISE, rt.u32(1))
            assert await stream.__anext__() == 0
            stream.close()
    asyncio.run(body())


def test_objects_die():
    """What a child collects of its parent's is not touched."""
    c = rt.blocking()
    loops = asyncio.run(rt.opened())
    kept = [c, loops]

    def child():
        nonlocal c, loops
        del kept[:]
        c = loops = None
        gc.collect()
        anew()
    forked(child)
    assert c.request(rt.ECHO, b"x") == b"x"
    c.close()
    asyncio.run(loops.close())


def test_of_a_child():
    forked(lambda: forked(lambda: (anew(), forked(anew))))


def test_from_busy_threads():
    """Forks while other threads are anywhere in the runtime."""
    stop = threading.Event()

    def work():
        with rt.blocking() as c:
            while not stop.is_set():
                assert c.request(rt.ECHO, b"x") == b"x"

    def loops():
        async def body():
            async with await rt.opened() as c:
                await asyncio.gather(*(c.request(rt.ECHO) for _ in range(9)))
        while not stop.is_set():
            asyncio.run(body())
    threads = [rt.Thread(f) for f in (work, work, loops, loops)]
    try:
        for _ in range(20):
            forked(anew)
    finally:
        stop.set()
        for t in threads:
            t.join()


def double(n):
    """For a pool: each of its processes has a context of its own."""
    global _context
    if "_context" not in globals():
        _context = rt.blocking()
    return _context.request(rt.ECHO, rt.u32(2 * n), rt.number)


def test_multiprocessing():
    with rt.blocking() as c:
        c.request(rt.ECHO)
        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert pool.map(double, range(60)) == [2 * n for n in range(60)]
        assert c.request(rt.ECHO, b"x") == b"x"


if __name__ == "__main__":
    rt.main(globals())

#!/usr/bin/env python3
"""Handles: used, closed and dropped, while the collector goes about."""

import asyncio
import gc
import os
import struct
import threading
import time

import rt
from rt import fr


class Thing(fr.Handle):
    def value(self):
        return self.context.request(
            rt.VALUE, struct.pack("=Q", self.token), rt.number)


def maker(context):
    return lambda block: Thing(struct.unpack("=Q", block)[0], context)


def make(context, value):
    return context.request(rt.MAKE, rt.u32(value), maker(context))


def alive(context):
    return context.request(rt.ALIVE, b"", rt.number)


def left(context, n):
    """Waits until so many things are left: what is given up is destroyed soon,
    which may be after a call that was made later."""
    rt.until(lambda: alive(context) <= n)
    assert alive(context) == n


def test_use_and_drop():
    with rt.blocking() as c:
        things = [make(c, i) for i in range(100)]
        assert [t.value() for t in things] == list(range(100))
        assert alive(c) == 100
        del things[10:]
        left(c, 10)
        things[0].release()
        things[0].release()
        assert things[0].closed and not things[1].closed
        left(c, 9)
        rt.raises(fr.StaleError, things[0].value)


def test_take():
    """Who ends an object by a call does so alone."""
    with rt.blocking() as c:
        thing = make(c, 1)
        token = thing.take()
        assert token and thing.closed and thing.take() == 0
        del thing
        gc.collect()
        assert alive(c) == 1
        fr.Handle(token, c).release()
        left(c, 0)


def test_take_races_collector():
    """Of an explicit end and a finalizer exactly one has it."""
    with rt.blocking() as c:
        for _ in range(200):
            thing = make(c, 1)
            taken, start = [], threading.Barrier(3)

            def take():
                start.wait()
                taken.append(thing.take())

            def release():
                start.wait()
                thing.release()
            for t in [rt.Thread(f) for f in (take, take, release)]:
                t.join()
            assert sum(map(bool, taken)) <= 1
            if any(taken):
                assert alive(c) == 1
                fr.Handle(max(taken), c).release()
            left(c, 0)


def test_foreign():
    with rt.blocking() as one, rt.blocking() as two:
        thing = make(one, 1)
        error = rt.raises(fr.ForeignError, two.request, rt.VALUE,
                          struct.pack("=Q", thing.token))
        assert error.name == "FERRY_EFOREIGN"


def test_cancelled_make():
    """A thing that nobody has waited for is released when it comes."""
    async def body():
        async with await rt.opened() as c:
            for _ in range(100):
                make(c, 1).cancel()
            things = [make(c, 1) for _ in range(100)]
            rt.until(lambda: not (c.counters()["queued"]
                                  + c.counters()["running"]))
            for thing in things:    # answered, and not looked at
                assert thing.cancel()
            assert c.counters()["ended_ok"] >= 100
            del things
            [port] = c._ports.values()
            while any(port.pending):
                await asyncio.sleep(0)
            end = time.monotonic() + 10 * rt.SLOW
            while await alive(c):
                assert time.monotonic() < end
                gc.collect()
    asyncio.run(body())


def test_context_first():
    """What outlives its context is released in vain."""
    with rt.blocking() as c:
        things = [make(c, i) for i in range(10)]
    rt.raises(fr.ClosedError, things[0].value)
    del things
    gc.collect()


def test_storm():
    """Things die in cycles, on whatever thread the collector runs: on those
    that submit, in the middle of everything, too."""
    limits = gc.get_threshold()
    gc.set_threshold(3, 2, 2)

    class Knot:
        def __init__(self, thing):
            self.thing, self.me = thing, self

    def blocking(c, n):
        for i in range(n):
            assert Knot(make(c, i)).thing.value() == i

    async def one(c, i):
        knot = Knot(await make(c, i))
        assert await knot.thing.value() == i

    def looping(n):
        async def body():
            async with await rt.opened() as c:
                for i in range(n // 50):
                    await asyncio.gather(*(one(c, k) for k in range(50)))
                # A collection on another thread, in the middle of one, makes
                # this do nothing. One may be in the frame that is left.
                end = time.monotonic() + 10 * rt.SLOW
                while await alive(c) > 1:
                    assert time.monotonic() < end
                    gc.collect()
        asyncio.run(body())

    try:
        with rt.blocking() as c:
            for t in [rt.Thread(*each) for each in (
                    (blocking, c, 300), (blocking, c, 300), (looping, 300),
                    (looping, 300))]:
                t.join()
            rt.collected(lambda: alive(c) == 0)
    finally:
        gc.set_threshold(*limits)


def test_forked():
    """The parent's things are the parent's, whoever collects the child's
    copies."""
    with rt.blocking() as c:
        things = [make(c, i) for i in range(10)]
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                rt.raises(fr.ForkedError, things[0].value)
                del things[:]
                gc.collect()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        assert alive(c) == 10
        assert [t.value() for t in things] == list(range(10))


if __name__ == "__main__":
    rt.main(globals())

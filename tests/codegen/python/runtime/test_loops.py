#!/usr/bin/env python3
"""Many loops in one process: in threads, one after the other, closed in the
middle; and loops that cannot watch a descriptor."""

import asyncio
import contextlib
import io
import weakref

import rt
from rt import fr

THREADS = 8


def in_threads(work):
    """work(k) in so many threads; what one raises is raised here."""
    for t in [rt.Thread(work, k) for k in range(THREADS)]:
        t.join()


async def echoes(c, k, n=200):
    assert await asyncio.gather(*(
        c.request(rt.ECHO, rt.u32(k * 1000 + i), rt.number)
        for i in range(n))) == [k * 1000 + i for i in range(n)]


def test_a_loop_each():
    other = rt.load("other")

    def work(k):
        async def body():
            package = other if k % 2 else rt.counter
            async with await rt.opened(package) as c:
                for _ in range(5):
                    await echoes(c, k)
        asyncio.run(body())
    before = rt.descriptors()
    in_threads(work)
    rt.collected(lambda: rt.descriptors() <= before)


def test_one_context():
    """A context that several loops use."""
    c = asyncio.run(rt.opened())

    def work(k):
        async def body():
            for _ in range(5):
                await echoes(c, k)
            async with c.events({rt.ON_SILENCE: bytes.hex}) as stream:
                await c.request(rt.NOISE, rt.u32(1))
                assert await stream.__anext__() == ""
        asyncio.run(body())
    in_threads(work)
    asyncio.run(c.close())


def test_one_after_the_other():
    """A hundred loops leave as much behind as one."""
    c = asyncio.run(rt.opened())

    async def body():
        await echoes(c, 1, 10)
    asyncio.run(body())
    before = rt.descriptors()
    for _ in range(100):
        asyncio.run(body())
    rt.collected(lambda: rt.descriptors() <= before)
    assert len(c._ports) == 1
    asyncio.run(c.close())


def left(c, n):
    """A loop that is closed with n requests on their way, as a weakref."""
    loop = asyncio.new_event_loop()

    async def body():
        for _ in range(n):
            c.request(rt.HOLD, rt.u32(1))
            c.request(rt.ECHO, b"x", timeout=30)
    loop.run_until_complete(body())
    loop.close()
    return weakref.ref(loop)


def test_closed_in_the_middle():
    """Nothing is left, and nobody complains."""
    said = io.StringIO()
    before = rt.descriptors()
    with contextlib.redirect_stderr(said):
        c = asyncio.run(rt.opened())
        loops = [left(c, 20) for _ in range(10)]
        asyncio.run(echoes(c, 1))
        rt.collected(lambda: not any(loop() for loop in loops))
        asyncio.run(c.close(fr.CloseMode.CANCEL))
        del c
        rt.collected(lambda: rt.descriptors() <= before)
    assert said.getvalue() == "", said.getvalue()


def test_loop_and_context_dropped():
    """Without another loop it is the collector's."""
    before = rt.descriptors()
    c = asyncio.run(rt.opened())
    inbox = left(c, 5)
    asyncio.run(c.close(fr.CloseMode.CANCEL))
    del c
    rt.collected(lambda: inbox() is None and rt.descriptors() <= before)


def test_run_cancels():
    """asyncio.run() cancels the tasks that are left; so their calls are."""
    async def hold(c):
        await c.request(rt.HOLD, rt.LONG)

    async def body():
        c = await rt.opened()
        for _ in range(10):
            asyncio.ensure_future(hold(c))
        await asyncio.sleep(0)
        assert c.counters()["submitted"] == 10
        return c
    c = asyncio.run(body())
    rt.until(lambda: c.counters()["running"] + c.counters()["queued"] == 0)
    asyncio.run(c.close())


def test_next_loop_cancels():
    """It does not cancel futures that no task awaits: the next loop does."""
    async def body():
        c = await rt.opened()
        for _ in range(10):
            c.request(rt.HOLD, rt.LONG)
        return c
    c = asyncio.run(body())
    asyncio.run(echoes(c, 1))
    counts = c.counters()
    assert counts["ended_canceled"] + counts["unstarted_canceled"] == 10
    asyncio.run(c.close())


def test_no_add_reader():
    """Said clearly, and nothing is left behind."""
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, *_):
            raise NotImplementedError

    async def body():
        async with await rt.opened() as c:
            c.request(rt.ECHO)

    before = rt.descriptors()
    loop = Loop()
    error = rt.raises(NotImplementedError, loop.run_until_complete, body())
    assert "add_reader" in str(error) and "open_blocking" in str(error)
    loop.close()
    rt.collected(lambda: rt.descriptors() <= before)


def test_a_close_in_the_middle_of_another():
    """As the collector's, which may come at any moment."""
    class Loop(asyncio.SelectorEventLoop):
        inner = None

        def is_closed(self):
            inner, self.inner = self.inner, None
            if inner is not None:
                inner.close()
            return super().is_closed()
    loop = Loop()
    c = loop.run_until_complete(rt.opened())
    loop.run_until_complete(echoes(c, 0, 1))
    other = rt.blocking()
    loop.inner = inner = rt.blocking()
    other.close()       # looks for loops that have been closed
    assert loop.inner is None and inner.closed
    loop.run_until_complete(c.close())
    loop.close()


if __name__ == "__main__":
    rt.main(globals())

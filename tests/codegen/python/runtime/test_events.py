#!/usr/bin/env python3
"""Events, on loops and for threads: order, filters, overflow, the end."""

import asyncio
import threading
import time
import unittest.mock

import rt
from rt import fr

DROP_OLDEST, STUCK, BLOCK = 0, 1, 2
BOTH = {rt.ON_NOISE: rt.number, rt.ON_SILENCE: lambda block: "silence"}


async def heard(stream):
    """What comes up to the silence."""
    numbers = []
    async for event in stream:
        if event == "silence":
            break
        numbers.append(event)
    return numbers


def told(c):
    """Waits until what has been said is in the inboxes, or dropped."""
    def all_of_it():
        n = c.counters()
        return n["events_emitted"] == (
            n["events_unheard"] + n["events_dropped"]
            + n["events_dropped_elsewhere"] + n["events_dispatched"])
    rt.until(all_of_it)


def test_order():
    async def body():
        async with await rt.opened() as c, c.events(BOTH) as stream:
            for _ in range(3):
                await c.request(rt.NOISE, rt.u32(100))
                assert await heard(stream) == list(range(100))
            assert stream.dropped == 0
    asyncio.run(body())


def test_waits():
    """The reader is there before the event is."""
    async def body():
        async with await rt.opened() as c, c.events(BOTH) as stream:
            await c.request(rt.ECHO)
            watched = asyncio.get_running_loop()._selector.get_map()
            before = len(watched)
            reader = asyncio.ensure_future(heard(stream))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not reader.done() and len(watched) == before + 1
            await c.request(rt.NOISE, rt.u32(3))
            assert await reader == [0, 1, 2]
            # One that gives up takes nothing along.
            reader = asyncio.ensure_future(heard(stream))
            await asyncio.sleep(0)
            reader.cancel()
            await rt.araises(asyncio.CancelledError, reader)
            await c.request(rt.NOISE, rt.u32(2))
            assert await heard(stream) == [0, 1]
            # What nobody waits for wakes no loop.
            assert len(watched) == before
    asyncio.run(body())


def test_filter():
    async def body():
        async with await rt.opened() as c:
            async with c.events({rt.ON_SILENCE: bytes.hex}) as only:
                await c.request(rt.NOISE, rt.u32(10))
                assert await only.__anext__() == ""
    asyncio.run(body())


def test_several_readers():
    async def body():
        async with await rt.opened() as c:
            async with c.events(BOTH) as one, c.events(BOTH) as two:
                await c.request(rt.NOISE, rt.u32(5))
                assert await asyncio.gather(heard(one), heard(two)) == [
                    list(range(5))] * 2
            async with c.events(BOTH) as late:
                await c.request(rt.NOISE, rt.u32(1))
                assert await heard(late) == [0]
    asyncio.run(body())


def test_drop_oldest():
    """A slow reader loses the oldest, and is told how many."""
    async def body():
        async with await rt.opened() as c:
            async with c.events(BOTH, capacity=16) as stream:
                await c.request(rt.NOISE, rt.u32(5000))
                told(c)
                numbers = await heard(stream)
                assert numbers == sorted(set(numbers))
                assert numbers[-1] == 4999 and len(numbers) < 5000
                assert stream.dropped + len(numbers) + 1 == 5001
    asyncio.run(body())


def test_block():
    """The library waits for the reader, and nothing is lost."""
    async def body():
        options = fr.OpenOptions(event_policy=BLOCK, event_capacity=16)
        async with await rt.opened(options=options) as c:
            async with c.events(BOTH, capacity=16) as stream:
                noise = c.request(rt.NOISE, rt.u32(5000))
                numbers = await heard(stream)
                assert numbers == list(range(5000)) and stream.dropped == 0
                await noise
    asyncio.run(body())


def test_stuck():
    """The library is refused, and says so."""
    async def body():
        options = fr.OpenOptions(event_policy=STUCK, event_capacity=16)
        async with await rt.opened(options=options) as c:
            async with c.events(BOTH, capacity=16) as stream:
                error = await rt.araises(fr.StuckError, c.request(
                    rt.NOISE, rt.u32(5000)))
                assert error.name == "FERRY_ESTUCK"
                assert await stream.__anext__() == 0
    asyncio.run(body())


def test_ends_with_context():
    async def body():
        c = await rt.opened()
        stream = c.events(BOTH)
        reader = asyncio.ensure_future(heard(stream))
        await asyncio.sleep(0)
        await c.close()
        assert await reader == []
        assert [event async for event in stream] == []
        rt.raises(fr.FerryError, c.events, BOTH)
    asyncio.run(body())


def test_close_while_waiting():
    async def body():
        async with await rt.opened() as c:
            stream = c.events(BOTH)
            reader = asyncio.ensure_future(heard(stream))
            await asyncio.sleep(0)
            stream.close()
            assert await reader == []
    asyncio.run(body())


def test_never_runs_dry():
    """A reader that always finds something does not keep the loop."""
    async def body():
        options = fr.OpenOptions(event_policy=STUCK, event_capacity=8192)
        async with await rt.opened(options=options) as c:
            async with c.events(BOTH, capacity=8192) as stream:
                turns = 0

                async def others():
                    nonlocal turns
                    while True:
                        turns += 1
                        await asyncio.sleep(0)
                await c.request(rt.NOISE, rt.u32(4000))
                told(c)
                other = asyncio.ensure_future(others())
                assert await heard(stream) == list(range(4000))
                assert turns > 100, turns
                other.cancel()
    asyncio.run(body())


def test_one_reader():
    async def body():
        async with await rt.opened() as c, c.events(BOTH) as stream:
            reader = asyncio.ensure_future(heard(stream))
            await asyncio.sleep(0)
            await rt.araises(RuntimeError, stream.__anext__())
            await c.request(rt.NOISE, rt.u32(1))
            assert await reader == [0]
    asyncio.run(body())


def test_nothing_left():
    """Streams that are dropped, or whose loop is, leave no descriptor."""
    async def body(c):
        kept = [c.events(BOTH) for _ in range(20)]
        del kept
        stream = c.events(BOTH)
        asyncio.ensure_future(heard(stream))
        await asyncio.sleep(0)

    c = asyncio.run(rt.opened())
    before = rt.descriptors()
    asyncio.run(body(c))
    rt.collected(lambda: rt.descriptors() <= before)
    asyncio.run(c.close())


def test_decode_raises():
    """What cannot be decoded is told, and the rest is heard."""
    def refuse(block):
        if rt.number(block) == 1:
            raise ValueError("one")
        return rt.number(block)

    async def body():
        async with await rt.opened() as c:
            async with c.events({rt.ON_NOISE: refuse}) as stream:
                await c.request(rt.NOISE, rt.u32(3))
                assert await stream.__anext__() == 0
                await rt.araises(ValueError, stream.__anext__())
                assert await stream.__anext__() == 2
    asyncio.run(body())


def test_blocking():
    with rt.blocking() as c, c.events(BOTH, timeout=0.02) as stream:
        assert list(stream) == []
        c.request(rt.NOISE, rt.u32(3))
        told(c)
        assert list(stream) == [0, 1, 2, "silence"]
        assert list(stream) == []


def test_blocking_from_another_thread():
    with rt.blocking() as c, c.events(BOTH) as stream:
        found = []
        reader = rt.Thread(lambda: found.extend(
            next(stream) for _ in range(101)))
        c.request(rt.NOISE, rt.u32(100))
        reader.join()
        assert found == list(range(100)) + ["silence"]


def test_blocking_closed_by_another_thread():
    """Wherever its reader is: asleep, or anywhere in between."""
    with rt.blocking() as c:
        for i in range(200):
            stream = c.events(BOTH)
            begun = threading.Event()

            def read():
                begun.set()
                assert list(stream) == []
            reader = rt.Thread(read)
            if i < 5:
                rt.asleep(reader)
            else:
                begun.wait()
            stream.close()
            reader.join()
            assert not stream._finalizer.alive, "the inbox is open"


def test_blocking_closed_as_it_takes():
    """The reader has seen no end, and looks for more."""
    with rt.blocking() as c:
        stream = c.events(BOTH)

        def take(*args):
            lib.inbox_take = before
            rt.Thread(stream.close).join()
            return before(*args)
        lib = fr._stream.lib
        before, lib.inbox_take = lib.inbox_take, take
        assert list(stream) == []


def test_interrupted():
    """What a signal handler raises wherever it may costs no event, and tells
    none twice: here where each thing that is called while they are taken has
    been done, one after the other."""
    batch, stream_of = fr._batch.Batch, fr._stream

    def struck(left, call):
        def strike(*args):
            result = call(*args)
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return result
        return strike
    for after in range(1, 500):
        left = [after]
        with rt.blocking() as c, c.events(BOTH) as stream, \
                unittest.mock.patch.object(
                    batch, "take", struck(left, batch.take)), \
                unittest.mock.patch.object(
                    batch, "give_back", struck(left, batch.give_back)), \
                unittest.mock.patch.object(
                    stream_of, "copy", struck(left, stream_of.copy)):
            c.request(rt.NOISE, rt.u32(40))
            found = []
            while "silence" not in found:
                try:
                    found.append(next(stream))
                except KeyboardInterrupt:
                    assert left[0] == 0
            assert found == [*range(40), "silence"], (after, found)
            assert stream.dropped == 0
        if left[0] > 0:
            break
    assert after > 41, "a strike for each event, and others"
    assert left[0] > 0, "and one that came after the end"


def test_blocking_ends_with_context():
    c = rt.blocking()
    found = []
    with c.events(BOTH) as stream:
        reader = rt.Thread(found.extend, stream)
        c.request(rt.NOISE, rt.u32(1))
        c.close()
        reader.join()
    assert found == [0, "silence"]


def test_notices():
    """The watchdog tells who does not come back, and when it has."""
    async def body():
        options = fr.OpenOptions(slow_ms=5, stalled_ms=20,
                                 wedged_ms=3600000)
        async with await rt.opened(options=options) as c:
            notices = c.notices()
            began = time.monotonic()
            request = c.request(rt.HOLD, rt.LONG)
            notice = await notices.__anext__()
            while notice.kind == "overloaded":
                notice = await notices.__anext__()
            assert notice.kind == "not_responding", notice
            assert notice.method == "hold" and notice.level == "stalled"
            assert 0.02 <= notice.seconds <= time.monotonic() - began
            request.cancel()
            assert (await notices.__anext__()).kind == "responding"
    asyncio.run(body())


if __name__ == "__main__":
    rt.main(globals())

#!/usr/bin/env python3
"""The zoo's package on asyncio: every type at its limits through the library,
errors, cancelled calls, events, objects."""

import asyncio
import datetime
import gc
import math

from zoopkg import everything, main, numbers, pytest, run, things

import ferry_runtime
import ferry_zoo as z
from ferry_runtime.codec import UnknownCase

MS = datetime.timedelta(milliseconds=1)
FOREVER = 2 ** 32 // 2 * MS


async def no_animals(zoo):
    """A release is soon, and not at once; the test's limit is the bound."""
    while await zoo.population():
        await asyncio.sleep(0)


@run
async def test_numbers():
    lows = numbers(
        z, i8=-128, i16=-2 ** 15, i32=-2 ** 31, i64=-2 ** 63, plain=-2 ** 31,
        wide=-2 ** 63, letter=-128, f32=-math.inf, f64=-1.7976931348623157e308,
        colour=z.Colour.RED, food=z.Food(0))
    highs = numbers(
        z, i8=127, u8=255, i16=2 ** 15 - 1, u16=2 ** 16 - 1, i32=2 ** 31 - 1,
        u32=2 ** 32 - 1, i64=2 ** 63 - 1, u64=2 ** 64 - 1, plain=2 ** 31 - 1,
        wide=2 ** 63 - 1, size=2 ** 64 - 1, letter=127, yes=True, f32=0.5,
        f64=5e-324, colour=z.Colour.BLUE, food=z.Food.ALL)
    async with z.Zoo.open("x") as zoo:
        for value in (lows, highs, numbers(z, colour=7, food=4)):
            back = await zoo.numbers_echo(value)
            assert back == value
        assert type(back.colour) is int
        assert isinstance((await zoo.numbers_echo(highs)).food, z.Food)
        back = await zoo.numbers_echo(numbers(z, f32=math.nan, f64=math.nan))
        assert math.isnan(back.f32) and math.isnan(back.f64)


@run
async def test_things():
    async with z.Zoo.open("x") as zoo:
        for value in everything(z):
            assert await zoo.things_echo(value) == value
            assert z.mirror(value) == value     # the same without a context


@run
async def test_shapes():
    shapes = [None, -0.5, [], [z.Point(1, 2), z.Point(3)], "é"]
    async with z.Zoo.open("x") as zoo:
        for shape in shapes:
            assert await zoo.shape_echo(shape) == shape
            value = z.Shapes(shapes, shape)
            assert await zoo.shapes_echo(value) == value
        with pytest.raises(ferry_runtime.InvalidError):
            await zoo.shape_echo(UnknownCase(99))


@run
async def test_arguments_and_results():
    async with z.Zoo.open("anaconda", cages=1) as zoo:
        assert await zoo.split("a,b") == z.SplitResult(2, ["a", "b"])
        count, words = await zoo.split(
            "a b\0c", by=32, where=z.Point(40.0))
        assert (count, words) == (42, ["a", "b"])
        assert await zoo.sum(range(100000)) == 4999950000
        assert await zoo.sum([]) == 0
        assert await zoo.sum([2 ** 63 - 1, -2 ** 63]) == -1
        assert await zoo.find("cond") == "conda"
        assert await zoo.find("z") is None
        assert await zoo.jump(3) == 3
        assert await zoo.later(1, "hi") == ("hi, later", 1)
        assert await zoo.sleep(MS) == 1
        assert z.version() == "1.2.0" and z.parse("-42") == -42
        assert (z.LEGS_MAX, z.LEGS_MIN, z.RATIO) == (1000, -3, 0.25)
        assert z.MOTTO == 'mind the "bear"'


@run
async def test_errors():
    with pytest.raises(z.Hungry):
        await z.Zoo.open("")
    with pytest.raises(z.Hungry, match="nothing to eat"):
        async with z.Zoo.open(""):
            pass
    async with await z.Zoo.open("x") as zoo:
        for code, kind in ((1, z.Hungry), (7, z.Escaped),
                           (8, z.Interrupted), (99, z.ZooError)):
            with pytest.raises(z.ZooError) as caught:
                await zoo.fail(code, "why é")
            assert type(caught.value) is kind
            assert caught.value.code == code
            assert str(caught.value) == "why é"
        with pytest.raises(z.ZooError, match="too low") as caught:
            await zoo.jump(-7)
        # A number, which the enum's 7 has nothing to do with.
        assert caught.value.code == 7 and type(caught.value) is z.ZooError
        with pytest.raises(z.Escaped, match="nothing to say"):
            await zoo.later(0, "")
        with pytest.raises(z.ZooError):
            z.parse("no number")
    assert zoo.closed
    with pytest.raises(ferry_runtime.ClosedError):
        await zoo.population()


@run
async def test_bad_values_are_never_submitted():
    async with z.Zoo.open("x") as zoo:
        for call, kind, text in (
                (lambda: zoo.split("a", by=300), ValueError,
                 r"zoo\.split: by: 300 is not in -128 … 127"),
                (lambda: zoo.find("a\0"), ValueError,
                 r"zoo\.find: word: .* has a zero byte in it"),
                (lambda: zoo.find("\ud800"), ValueError, "lone surrogate"),
                (lambda: zoo.find(None), TypeError, "None is no str"),
                (lambda: zoo.things_echo(things(z, text=None)), TypeError,
                 r"zoo\.things_echo: in\.text: None is no str"),
                (lambda: zoo.things_echo(things(z, fixed_text="x" * 16)),
                 ValueError, r"in\.fixed_text: 16 bytes of text, where 15"),
                (lambda: zoo.things_echo(things(z, digest=b"")), ValueError,
                 r"in\.digest: 0 bytes, where it takes 8"),
                (lambda: zoo.things_echo(things(z, pair=[1])), ValueError,
                 r"in\.pair: 1 elements, where it takes 2"),
                (lambda: zoo.things_echo(things(z, branch=z.Branch(
                    z.Leaf(2 ** 31)))), ValueError,
                 r"in\.branch\.leaf\.value: 2147483648 is not in"),
                (lambda: zoo.things_echo(things(
                    z, points=[z.Point(0)] * 65536)), ValueError,
                 r"in\.points: its length: 65536 is not in 0 … 65535"),
                (lambda: zoo.hold(-MS), ValueError, r"zoo\.hold: time: "),
                (lambda: zoo.hold(5), TypeError, "5 is no timedelta"),
                (lambda: z.Zoo.open(5), TypeError, r"zoo\.open: name: 5 is")):
            with pytest.raises(kind, match=text):
                call()
        counters = zoo.context.counters()
        assert counters["submitted"] == counters["refused"] == 0


@run
async def test_cancelled_calls_end():
    async with z.Zoo.open("x") as zoo:
        # The first runs, the second waits behind it.
        running = asyncio.ensure_future(zoo.hold(FOREVER))
        queued = zoo.hold(FOREVER)
        while not zoo.context.counters()["running"]:
            await asyncio.sleep(0)
        queued.cancel()
        running.cancel()
        for call in (running, queued):
            with pytest.raises(asyncio.CancelledError):
                await call
        assert await zoo.population() == 0     # the thread is free again
        with pytest.raises(asyncio.TimeoutError):
            await zoo.hold(FOREVER, timeout=0.05)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(zoo.hold(FOREVER), 0.05)
        with pytest.raises(TimeoutError):
            await zoo.sleep(FOREVER, timeout=0.05)
        done = zoo.population()
        assert await done == 0 and not done.cancel()
        held = zoo.hold(FOREVER)
    # The end of the block waited for it.
        held.cancel()


@run
async def test_many_in_flight():
    async with z.Zoo.open("x") as zoo:
        words = await asyncio.gather(*(
            zoo.split(str(i)) for i in range(1000)))
        assert [w.words for w in words] == [[str(i)] for i in range(1000)]
        slept = await asyncio.gather(*(zoo.sleep(5 * MS) for i in range(100)))
        assert slept == [5] * 100
        laned = [zoo.sum([i], lane=i % 3 + 1) for i in range(30)]
        assert await asyncio.gather(*laned) == list(range(30))


@run
async def test_events():
    async with z.Zoo.open("x") as zoo:
        noises = zoo.on_noise()
        await zoo.make_noise(4, "é")
        heard = [await noises.__anext__() for _ in range(4)]
        assert [n.number for n in heard] == [0, 1, 2, 3]
        assert heard[0].noise == "é"
        assert [n.shape for n in heard] == [
            None, 1.0, [z.Point(0, 1), z.Point(2, 3)], "é"]
        noises.close()
        few = zoo.on_noise(capacity=8)
        await zoo.make_noise(1000, "x")
        # By the default policy the oldest are lost, and counted.
        last = None
        while last is None or last.number < 999:
            last = await few.__anext__()
        assert few.dropped > 0
    numbers_heard = [n.number async for n in few]
    assert numbers_heard == []


@run
async def test_animals():
    async with z.Zoo.open("x") as zoo:
        leo = await zoo.adopt("Leo")
        assert await leo.name() == "Leo"
        other = await leo.clone()
        assert await zoo.population() == 2
        assert await leo.befriend(other) >= 1
        await leo.close()
        assert leo.closed and await zoo.population() == 1
        await leo.close()       # again: nothing
        with pytest.raises(ferry_runtime.StaleError):
            await leo.name()
        async with await other.clone() as third:
            assert await zoo.population() == 2
        assert third.closed and await zoo.population() == 1
        with pytest.raises(TypeError, match=r"zoo\.animal\.befriend: other: "
                           "'Leo' is no Animal$"):
            await other.befriend("Leo")
        with pytest.raises(z.Escaped, match="it has no name"):
            await zoo.adopt("")
    assert not other.closed     # its zoo is
    await other.close()


@run
async def test_nobody_s_animals_go():
    async with z.Zoo.open("x") as zoo:
        leo = await zoo.adopt("Leo")
        name = leo.name()
        del leo                 # the call keeps it
        gc.collect()
        assert await name == "Leo"
        del name
        gc.collect()
        await no_animals(zoo)
        for _ in range(50):     # wherever it is when it is cancelled
            adopting = [zoo.adopt("x") for _ in range(10)]
            await asyncio.sleep(0)
            for call in adopting:
                call.cancel()
            await asyncio.gather(*adopting, return_exceptions=True)
        adopting = call = None
        gc.collect()
        await no_animals(zoo)


@run
async def test_what_has_ended_keeps_no_objects():
    """A future that somebody keeps has its result, and nothing of its call."""
    async with z.Zoo.open("x") as zoo:
        leo = await zoo.adopt("Leo")
        name = leo.name()
        assert await name == "Leo"
        leo = None
        gc.collect()
        while await zoo.population():
            pass
        assert name.result() == "Leo"


@run
async def test_calls_that_wait_for_room_keep_their_objects():
    few = ferry_runtime.OpenOptions(depth=4)
    async with z.Zoo.open("x", options=few) as zoo:
        leo, friend = await zoo.adopt("Leo"), await zoo.adopt("Kim")
        held = zoo.hold(FOREVER)
        waiting = [zoo.population() for _ in range(10)]
        name, friends = leo.name(), leo.befriend(friend)
        del leo, friend
        gc.collect()
        held.cancel()
        assert await name == "Leo" and await friends >= 1
        await asyncio.gather(*waiting)


@run
async def test_an_animal_of_another_zoo():
    async with z.Zoo.open("x") as one, z.Zoo.open("y") as two:
        mine, yours = await one.adopt("a"), await two.adopt("b")
        with pytest.raises(ferry_runtime.FerryError) as caught:
            await mine.befriend(yours)
        assert isinstance(caught.value, (ferry_runtime.ForeignError,
                                         ferry_runtime.InvalidError))


if __name__ == "__main__":
    main(__file__)

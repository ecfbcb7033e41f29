#!/usr/bin/env python3
"""Two roots, two enums of errors, objects below objects, several as results:
what the zoo has not. And two packages in one process."""

import asyncio
import datetime
import gc

from zoopkg import main, pytest, run

import ferry_runtime
import ferry_twins as t
import ferry_zoo
from ferry_twins import blocking


@run
async def test_codes_mean_what_their_function_says():
    async with t.Left.open() as left, t.Right.open() as right:
        for call, code, kind in (
                (left.fail, 1, t.Bad), (left.fail, 3, t.Worse),
                (left.fail, 2, t.Status), (right.read, 1, t.End),
                (right.read, 3, t.Io)):
            with pytest.raises(t.TwinsError) as caught:
                await call(code)
            assert type(caught.value) is kind and caught.value.code == code
        assert await left.fail(0) is None
        with pytest.raises(t.End):
            t.add(-1)
    with blocking.Left.open() as left, blocking.Right.open() as right:
        with pytest.raises(t.Bad):
            left.fail(1)
        with pytest.raises(t.End):
            right.read(1)
    assert t.add(1) == blocking.add(1, b=3) == 4


@run
async def test_defaults():
    since = datetime.datetime(1970, 1, 1, 0, 0, 5,
                              tzinfo=datetime.timezone.utc)
    async with t.Right.open() as right:
        assert await right.int() == 1
    async with t.Right.open(
            good=True, ratio=0.5, wait=datetime.timedelta(milliseconds=10),
            since=since, text='a"b') as right:
        assert await right.int() == 1
    async with t.Right.open(since=since.replace(second=6)) as right:
        assert await right.int() == 0


@run
async def test_objects_below_objects():
    async with t.Right.open() as right:
        toy = await right.make()
        part = await toy.of(7)
        with pytest.raises(t.End):
            await toy.of(-1)
        one, two, rest = result = await part.halve()
        assert type(result) is t.PartHalveResult
        assert isinstance(one, t.Part) and one.token != two.token
        assert (await one.weight(), await two.weight(), rest) == (3, 3, 1)
        del one, result
        gc.collect()
        assert await two.weight() == 3
        await part.close()
        await toy.close()


def test_objects_of_blocking_are_its_own():
    with blocking.Right.open() as right:
        with right.make() as toy, toy.of(7) as part:
            result = part.halve()
            assert type(result) is blocking.PartHalveResult
            assert type(result.one) is blocking.Part
            assert result.two.weight() == 3


@run
async def test_an_event_that_says_nothing():
    async with t.Right.open() as right:
        rings = right.on_ring()
        await right.ring()
        assert await rings.__anext__() == t.RightOnRing()


@run
async def test_two_packages():
    async with t.Left.open() as left, ferry_zoo.Zoo.open("x") as zoo:
        with pytest.raises(t.Bad):
            await left.fail(1)
        with pytest.raises(ferry_zoo.Hungry):
            await zoo.fail(1, "x")
        done = await asyncio.gather(*(
            zoo.sum([i]) if i % 2 else left.fail(0) for i in range(200)))
        assert done == [i if i % 2 else None for i in range(200)]


def test_one_s_library_is_not_the_other_s():
    from ferry_twins import _library as twins
    with pytest.raises(ferry_runtime.LoadError,
                       match="is the library `twins`|no library"):
        ferry_runtime.load(twins.PATH, "zoo")


if __name__ == "__main__":
    main(__file__)

#!/usr/bin/env python3
"""What users get wrong is told by name, in the classes and in asyncio."""

import asyncio
import copy
import pickle

from zoopkg import main, pytest

import ferry_runtime as fr
import ferry_zoo as z
from ferry_zoo import blocking

INF, NAN = float("inf"), float("nan")

WRONG = [
    (dict(timeout="1"), TypeError, "timeout: '1' is no number of seconds"),
    (dict(timeout=NAN), ValueError, "timeout: nan is no number of seconds"),
    (dict(lane=-1), ValueError, "lane: -1 is not in 0 … 18446744073709551615"),
    (dict(lane=2 ** 64), ValueError, "lane: 18446744073709551616 is not in"),
    (dict(lane="x"), TypeError, "lane: 'x' is no int"),
    (dict(lane=1.5), TypeError, "lane: 1.5 is no int"),
]
RIGHT = [dict(timeout=INF), dict(timeout=1e30), dict(timeout=2 ** 70),
         dict(lane=2 ** 64 - 1)]


async def awaited(what):
    return await what


def ways(body):
    """A call each way: body(call), where call(**more) has its result."""
    with blocking.Zoo.open("x") as zoo:
        body(lambda **more: zoo.sum([1, 2], **more))
        body(lambda **more: zoo.futures.sum([1, 2], **more).result())

    loop = asyncio.new_event_loop()
    zoo = loop.run_until_complete(awaited(z.Zoo.open("x")))

    async def call(more):
        return await zoo.sum([1, 2], **more)

    body(lambda **more: loop.run_until_complete(call(more)))
    loop.run_until_complete(zoo.close())
    loop.close()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: str(w[0]))
def test_calls(wrong):
    more, kind, text = wrong

    def body(call):
        with pytest.raises(kind, match=text):
            call(**more)
        assert call() == 3
    ways(body)


@pytest.mark.parametrize("right", RIGHT, ids=str)
def test_what_is_long_is_no_error(right):
    def body(call):
        assert call(**right) == 3
    ways(body)


def test_what_is_over():
    def body(call):
        for timeout in (0, -1, -INF, False):    # True is a second
            with pytest.raises(fr.TimedOutError, match="timeout has passed"):
                call(timeout=timeout)
    ways(body)


@pytest.mark.parametrize("options, kind, text", [
    (dict(depth=-1), ValueError, "depth: -1 is not in 0"),
    (dict(slow_ms=2 ** 32), ValueError, "slow_ms: 4294967296 is not in 0"),
    (dict(strands="many"), TypeError, "strands: 'many' is no int"),
    (dict(worker_key=5), TypeError, "worker_key: 5 is no str"),
    (dict(thread_name="a\0b"), ValueError, "thread_name: .* has a zero"),
])
def test_options(options, kind, text):
    with pytest.raises(kind, match=text):
        blocking.Zoo.open("x", options=fr.OpenOptions(**options))


def test_opening():
    with pytest.raises(TypeError, match="is no OpenOptions"):
        blocking.Zoo.open("x", options=dict(depth=1))
    with pytest.raises(TypeError, match="timeout: 'x'"):
        blocking.Zoo.open("x", timeout="x")
    blocking.Zoo.open("x", timeout=INF).close(timeout=INF)


def test_events():
    with blocking.Zoo.open("x") as zoo:
        with pytest.raises(ValueError, match="capacity: 3 is no power of two"):
            zoo.on_noise(capacity=3)
        with pytest.raises(ValueError, match="capacity: -1 is not in"):
            zoo.on_noise(capacity=-1)
        with pytest.raises(TypeError, match="timeout: 'x'"):
            zoo.on_noise(timeout="x")
        noises = zoo.on_noise(timeout=INF)
        zoo.make_noise(1, "x")
        assert next(noises).number == 0


def test_close():
    with blocking.Zoo.open("x") as zoo:
        for mode in (17, "x"):
            with pytest.raises(ValueError, match="not a valid CloseMode"):
                zoo.close(mode)
        with pytest.raises(TypeError, match="timeout: 'x'"):
            zoo.close(timeout="x")
        assert not zoo.closed and zoo.population() == 0


def test_closed():
    """One error, whatever a closed object is asked for."""
    with blocking.Zoo.open("x") as zoo:
        leo = zoo.adopt("Leo")
    for use in (zoo.population, zoo.futures.population, zoo.on_noise,
                leo.name, leo.futures.name, zoo.context.counters,
                zoo.context.health, zoo.context.notices):
        with pytest.raises(fr.ClosedError, match="closed"):
            use()
    leo.close()
    zoo.close()


def test_copies():
    """None of what stands for something else; of errors and values."""
    with blocking.Zoo.open("x") as zoo:
        leo = zoo.adopt("Leo")
        for thing in (zoo, leo, zoo.context, zoo.on_noise(),
                      zoo.futures.sum([1])):
            for way in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="cannot be copied"):
                    way(thing)
        assert zoo.population() == 1 and leo.name() == "Leo"
    for error in (z.Escaped(7, "gone"), z.Hungry(1), fr.ClosedError(-8),
                  fr.TimedOutError(-15, "late")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and again.args == error.args
        assert str(again) == str(error) and vars(again) == vars(error)
    point = z.Point(1.0)
    assert pickle.loads(pickle.dumps(point)) == point == copy.copy(point)


def test_what_they_look_like():
    with blocking.Zoo.open("x") as zoo:
        leo = zoo.adopt("Leo")
        assert repr(zoo) == "<ferry_zoo.blocking.Zoo, open>"
        assert repr(leo) == "<ferry_zoo.blocking.Animal, open>"
        assert repr(zoo.context) == "<BlockingContext of zoo, open>"
        leo.close()
        assert repr(leo) == "<ferry_zoo.blocking.Animal, closed>"
    assert repr(zoo) == "<ferry_zoo.blocking.Zoo, closed>"
    assert repr(zoo.context) == "<BlockingContext of zoo, closed>"


if __name__ == "__main__":
    main(__file__)

#!/usr/bin/env python3
"""The zoo's package for threads that wait."""

import asyncio
import concurrent.futures
import datetime
import gc
import signal
import threading

from zoopkg import everything, main, pytest

import ferry_runtime
import ferry_zoo as z
from ferry_runtime.codec import Codec
from ferry_zoo import _library, blocking

MS = datetime.timedelta(milliseconds=1)
FOREVER = 2 ** 32 // 2 * MS


def test_things():
    with blocking.Zoo.open("x") as zoo:
        for value in everything(z):
            assert zoo.things_echo(value) == value


def test_calls():
    with blocking.Zoo.open("x", cages=2) as zoo:
        assert zoo.split("a,b") == z.SplitResult(2, ["a", "b"])
        assert zoo.find("y") is None
        assert zoo.later(1, "hi") == z.LaterResult("hi, later", 1)
        assert zoo.sleep(MS) == 1
        with pytest.raises(z.Escaped, match="gone") as caught:
            zoo.fail(z.ErrorCode.ESCAPED, "gone")
        assert caught.value.code == 7
        with pytest.raises(TimeoutError):
            zoo.hold(FOREVER, timeout=0.05)
        with pytest.raises(ValueError, match=r"zoo\.split: by: 300"):
            zoo.split("a", by=300)
        assert blocking.version() == "1.2.0"
    with pytest.raises(ferry_runtime.ClosedError):
        zoo.population()
    with pytest.raises(z.Hungry, match="nothing to eat"):
        blocking.Zoo.open("")


def test_threads():
    with blocking.Zoo.open("x") as zoo, \
            concurrent.futures.ThreadPoolExecutor(8) as pool:
        sums = pool.map(lambda i: zoo.sum([i, 1]), range(200))
        assert list(sums) == [i + 1 for i in range(200)]


@pytest.mark.parametrize("name, writer", [
    ("encode", "encoder"), ("decode", "decoder")])
def test_first_calls_of_two_threads(monkeypatch, name, writer):
    """While one has the code written that a call needs, another calls."""
    call, write = _library.call_zoo_sum, getattr(Codec, writer)

    def write_slowly(*args):
        monkeypatch.undo()
        assert pool.submit(zoo.sum, [1, 2]).result() == 3
        return write(*args)
    with blocking.Zoo.open("x") as zoo, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert zoo.sum([1, 2]) == 3
        delattr(call, name)     # as before the first
        monkeypatch.setattr(Codec, writer, write_slowly)
        assert zoo.sum([1, 2]) == 3
        assert getattr(Codec, writer) is write


def test_futures():
    """The same methods, started and not waited for."""
    with blocking.Zoo.open("x") as zoo:
        assert zoo.futures.split("a,b").result() == z.SplitResult(
            2, ["a", "b"])
        assert zoo.futures.find("y").result() is None
        assert isinstance(zoo.futures.fail(
            z.ErrorCode.ESCAPED, "gone").exception(), z.Escaped)
        with pytest.raises(ValueError, match=r"zoo\.split: by: 300"):
            zoo.futures.split("a", by=300)
        hold = zoo.futures.hold(FOREVER)
        nap = zoo.futures.sleep(FOREVER, timeout=0.05)
        assert hold.cancel() and hold.cancelled()
        with pytest.raises(TimeoutError):
            nap.result()
        sums = [zoo.futures.sum([i, 1]) for i in range(200)]
        assert [f.result() for f in sums] == [i + 1 for i in range(200)]
        leo = zoo.futures.adopt("Leo").result()
        assert type(leo) is blocking.Animal
        other = leo.futures.clone().result()
        assert other.futures.name().result() == "Leo"
        assert leo.futures.befriend(other).result() >= 1
    with pytest.raises(ferry_runtime.ClosedError):
        zoo.futures.population()


def test_a_future_keeps_its_objects():
    """What a call needs stays until it has returned."""
    with blocking.Zoo.open("x") as zoo:
        gate = zoo.futures.hold(FOREVER)
        name = zoo.futures.adopt("Leo")
        gate.cancel()
        name = name.result().futures.name()
        gc.collect()
        assert name.result() == "Leo"
        late = zoo.futures.adopt("Mia")
        if not late.cancel():
            del late
        gc.collect()
        while zoo.population():
            pass


def test_futures_in_asyncio():
    """A loop takes them as those of any executor."""
    async def body(zoo):
        assert await asyncio.wrap_future(zoo.futures.sum([1, 2])) == 3
        nap = asyncio.wrap_future(zoo.futures.sleep(FOREVER))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(nap, 0.02)
    with blocking.Zoo.open("x") as zoo:
        asyncio.run(body(zoo))
        while zoo.context.counters()["running"]:
            pass


def test_ctrl_c():
    with blocking.Zoo.open("x") as zoo:
        def interrupt():
            while not zoo.context.counters()["running"]:
                pass
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            zoo.hold(FOREVER)
        thread.join()
        assert zoo.population() == 0


def test_animals():
    with blocking.Zoo.open("x") as zoo:
        with zoo.adopt("Leo") as leo:
            assert leo.name() == "Leo"
            other = leo.clone()
            assert leo.befriend(other) >= 1
        assert leo.closed and zoo.population() == 1
        with pytest.raises(ferry_runtime.StaleError):
            leo.name()
        del leo, other
        gc.collect()
        while zoo.population():
            pass


def test_events():
    with blocking.Zoo.open("x") as zoo:
        noises = zoo.on_noise(timeout=3600)
        quiet = zoo.on_noise(timeout=0.01)
        assert list(quiet) == []
        zoo.make_noise(3, "x")
        assert [next(noises).number for _ in range(3)] == [0, 1, 2]


if __name__ == "__main__":
    main(__file__)

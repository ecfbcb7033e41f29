#!/usr/bin/env python3
"""Forks of a process that is in the middle of calls by a generated package: the
child is told so of all that it has of before, may open anew, and ends as any
process does; the parent loses nothing.

    test_forks.py [NAME]
"""

import asyncio
import concurrent.futures
import contextlib
import datetime
import gc
import multiprocessing
import operator
import os
import signal
import sys
import threading
import time
import traceback

import places  # noqa: F401 (says where the next ones are)

import ferry_runtime
import ferry_zoo as z
from ferry_zoo import blocking

MS = datetime.timedelta(milliseconds=1)
HOUR = 3600 * 1000 * MS
SLOW = float(os.environ.get("T_SLOW") or 1)
FORKS, CHILD_S = 6, 20
Forked = ferry_runtime.ForkedError


def raises(kind, function, *args):
    try:
        function(*args)
    except kind:
        return
    raise AssertionError("no %s" % kind.__name__)


def forked(work):
    """Runs work() in a child, which must end well; its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(int(CHILD_S * SLOW))
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def well(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, "a child ended by %#x" % status


def anew():
    """All of it, as if nothing had been before."""
    async def body():
        async with z.Zoo.open("x") as zoo:
            noises = zoo.on_noise()
            words = await asyncio.gather(*(
                zoo.split(str(i)) for i in range(100)))
            assert [w.words for w in words] == [[str(i)] for i in range(100)]
            leo = await zoo.adopt("Leo")
            assert await leo.name() == "Leo"
            assert await zoo.later(1, "hi") == ("hi, later", 1)
            await zoo.make_noise(3, "x")
            assert (await noises.__anext__()).number == 0
            held = zoo.hold(HOUR)
            held.cancel()
    asyncio.run(body())
    with blocking.Zoo.open("child") as zoo:
        assert zoo.find("ch") == "child" and zoo.sleep(MS) == 1
        del_me = [zoo.adopt("x") for _ in range(100)]
        del_me = None   # noqa: F841 (the collector has them)
        while zoo.population():
            pass
    dropped()


def told(zoo, animal, noises):
    """What is of before says so, and can be closed and dropped."""
    for call in (zoo.population, lambda: zoo.split("a"), animal.name,
                 lambda: zoo.adopt("x"), lambda: animal.befriend(animal),
                 zoo.context.counters, zoo.on_noise, lambda: next(noises)):
        raises(Forked, call)
    noises.close()
    assert zoo.close() is None and zoo.closed


def dropped():
    """A zoo that nobody closes: the reaper of this process does it."""
    def has_thread():
        for task in os.listdir("/proc/self/task"):
            with contextlib.suppress(OSError):      # it has just ended
                with open("/proc/self/task/%s/comm" % task) as name:
                    if name.read() == "dropped\n":
                        return True
        return False
    zoo = blocking.Zoo.open("x", options=ferry_runtime.OpenOptions(
        thread_name="dropped"))
    assert has_thread()
    del zoo
    gc.collect()
    while has_thread():
        time.sleep(0.001)


class Load:
    """Threads and a loop that call all the while, in rounds."""

    def __init__(self, zoo):
        self.zoo = zoo
        self.over = threading.Event()
        self.failed = []
        self.functions = self.work, self.work, self.loops, self.hears
        self.done = [0] * len(self.functions)

    def rounds(self, i):
        """The numbers of a thread's rounds."""
        while not self.over.is_set():
            yield self.done[i]
            self.done[i] += 1

    def work(self, i):
        for n in self.rounds(i):
            assert self.zoo.sum([n, 1]) == n + 1
            with contextlib.closing(self.zoo.adopt("x")) as it:
                assert it.name() == "x"

    def loops(self, i):
        async def body():
            async with z.Zoo.open("x") as zoo:
                for _ in self.rounds(i):
                    words = await asyncio.gather(*(
                        zoo.split(str(i)) for i in range(50)),
                        *(zoo.later(0, "x") for i in range(5)))
                    assert [w[1] for w in words[:50]] == [
                        [str(i)] for i in range(50)]
        asyncio.run(body())

    def hears(self, i):
        """Each noise, in order; the stream holds as many as are made."""
        with self.zoo.on_noise(capacity=4096) as noises:
            for _ in self.rounds(i):
                self.zoo.make_noise(100, "x")
                heard = [next(noises).number for _ in range(100)]
                assert heard == list(range(100)) and not noises.dropped

    def checked(self, i):
        try:
            self.functions[i](i)
        except BaseException:
            self.failed.append(traceback.format_exc())

    def goes_on(self, rounds):
        """Each of the threads has had so many more."""
        wanted = [n + rounds for n in self.done]
        while not self.failed and any(map(operator.lt, self.done, wanted)):
            time.sleep(0.001)

    def __enter__(self):
        self.pid = os.getpid()
        self.threads = [threading.Thread(target=self.checked, args=[i])
                        for i in range(len(self.functions))]
        for t in self.threads:
            t.start()
        # All are in the middle of it then; and what Python does once, under a
        # lock that a child would find taken (a loop's policy), has been done.
        self.goes_on(1)
        return self

    def __exit__(self, kind, *_):
        if os.getpid() != self.pid:
            return      # a child that leaves
        if kind is None:
            self.goes_on(2)     # the one that is on its way, and another
        self.over.set()
        for t in self.threads:
            t.join()
        assert not self.failed, self.failed[0]


@contextlib.contextmanager
def busy():
    """A zoo under load, an animal, and a stream that nobody reads."""
    with blocking.Zoo.open("x") as zoo:
        animal, noises = zoo.adopt("Leo"), zoo.on_noise()
        with Load(zoo):
            yield zoo, animal, noises
        assert animal.name() == "Leo" and zoo.population() == 1
        counters = zoo.context.counters()
        assert counters["submitted"] == counters["ended_ok"], counters
        noises.close()


def test_under_load():
    """From the main thread, and from another one."""
    def child():
        told(*things)
        anew()
    with busy() as things:
        for _ in range(FORKS):
            well(forked(child))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: well(forked(child)), range(FORKS)))


def test_inside_a_loop():
    """With a thousand calls on their way, and in the child none of them."""
    async def body():
        async with z.Zoo.open("x") as zoo:
            leo, noises = await zoo.adopt("Leo"), zoo.on_noise()
            calls = [zoo.sleep(HOUR) for _ in range(200)] + [
                zoo.split(str(i)) for i in range(800)]

            def child():
                asyncio._set_running_loop(None)

                async def use():
                    for call in (zoo.population, leo.name, zoo.on_noise):
                        raises(Forked, call)
                    try:
                        await noises.__anext__()
                    except Forked:
                        await zoo.close()
                asyncio.run(use())
                for call in calls:
                    call.cancel()
                calls.clear()
                gc.collect()
                anew()
            for _ in range(3):
                well(forked(child))
            words = await asyncio.gather(*calls[200:])
            assert [w.words for w in words] == [[str(i)] for i in range(800)]
            assert await leo.name() == "Leo"
            await zoo.make_noise(1, "x")
            assert (await noises.__anext__()).number == 0
            for call in calls[:200]:
                assert call.cancel()
    asyncio.run(body())


def test_a_child_ends_as_any_process():
    """It goes back through all of Python, with what it has of before still
    open, and what it has opened; by its own code, at once, in silence."""
    ours, theirs = os.pipe()
    with busy() as things:
        for code in (0, 3, 77):
            pid = os.fork()
            if pid == 0:
                os.dup2(theirs, 1)
                os.dup2(theirs, 2)
                raise Leave(code, things)
            end = time.monotonic() + CHILD_S * SLOW
            while True:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    break
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.001)
            assert status == code << 8, "ended by %#x" % status
    os.close(theirs)
    said = os.read(ours, 2000)
    os.close(ours)
    assert not said, said.decode()


class Leave(BaseException):
    """Out of the test, in a child: main() goes on with it."""

    def __init__(self, code, things):
        self.code, self.things = code, things

    def go(self):
        raises(Forked, self.things[0].population)
        zoo = blocking.Zoo.open("child")
        self.kept = zoo, zoo.adopt("x"), zoo.on_noise()
        for _ in range(8):
            threading.Thread(target=sleep, args=[zoo], daemon=True).start()
        while zoo.context.counters()["submitted"] < 9:
            pass
        sys.exit(self.code)


def sleep(zoo):
    with contextlib.suppress(ferry_runtime.FerryError):
        zoo.sleep(HOUR)


def double(n):
    """For pools: each of their processes has a zoo of its own."""
    global _zoo
    if "_zoo" not in globals():
        _zoo = blocking.Zoo.open("child")
    return _zoo.sum([n, n])


def test_multiprocessing():
    context = multiprocessing.get_context("fork")
    with busy() as things:
        with context.Pool(3) as pool:
            assert pool.map(double, range(60)) == [2 * n for n in range(60)]
        process = context.Process(target=told, args=things)
        process.start()
        process.join()
        assert process.exitcode == 0


def test_process_pool_of_a_loop():
    async def body():
        loop = asyncio.get_running_loop()
        async with z.Zoo.open("x") as zoo:
            asleep = zoo.sleep(HOUR)
            with concurrent.futures.ProcessPoolExecutor(
                    2, multiprocessing.get_context("fork")) as pool:
                there = [loop.run_in_executor(pool, double, n)
                         for n in range(40)]
                here = [zoo.sum([n, n]) for n in range(40)]
                assert await asyncio.gather(*there) == [
                    2 * n for n in range(40)] == await asyncio.gather(*here)
            asleep.cancel()
    asyncio.run(body())


def main(only=None):
    for name, test in list(globals().items()):
        if name.startswith("test_") and only in (None, name):
            began = time.monotonic()
            test()
            print("%-40s %6.0f ms" % (
                name, (time.monotonic() - began) * 1e3), flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Leave as leave:
        leave.go()

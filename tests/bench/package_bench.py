#!/usr/bin/env python3
"""What a generated Python package costs: the zoo's (tests/codegen/zoo).

Values: a record's to a block and back, arrays of numbers and of records.
Calls: jump(), a number there and back, one at a time and 1000 in flight:

  inbox     as the package does it: one inbox for the loop
  callback  the same blocks and futures, but each reply by a ctypes callback
            on the FFI thread, which does call_soon_threadsafe()

A window has 1000 tasks, each of which awaits one call. A submit's cost runs
until each task awaits its reply; a completion's from there until the last task
has gone on; "whole" is both, tasks and futures included.

    package_bench.py BUILD [--rounds=9] [--windows=20] [--out=FILE]
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import pathlib
import platform
import statistics
import sys
import time

from asyncio_bench import IN_FLIGHT, MUST_US, REPLY_FN, RequestOptions, row

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find(build):
    """The package, its library and the runtime of a build."""
    build = pathlib.Path(build).resolve()
    os.environ.setdefault("FERRY_LIBRARY", str(build / "libferry.so"))
    os.environ.setdefault("FERRY_ZOO_LIBRARY",
                          str(build / "tests/codegen/zoo/libzoo.so"))
    sys.path[:0] = [str(ROOT / "ffi/codegen/python/runtime"),
                    str(build / "tests/codegen/python/zoo/python"),
                    str(ROOT / "tests/codegen/python")]


class Values:
    """Encoders and decoders, timed alone."""

    def __init__(self):
        import ferry_zoo as z
        from ferry_zoo import _library
        from zoopkg import numbers, things
        self.library = _library
        echo, mirror = (_library.call_zoo_numbers_echo,
                        _library.call_zoo_things_echo)
        points = [z.Point(i, -i) for i in range(10000)]
        self.rows = [
            self.pair("a record of 17 numbers, us", echo, numbers(z), 2000, 1e6),
            self.pair("100,000 numbers, ns each", mirror, things(
                z, numbers=list(range(100000))), 5, 1e9 / 100000),
            self.pair("10,000 records of 2 numbers, ns each", mirror, things(
                z, points=points), 5, 1e9 / 10000),
        ]

    def pair(self, name, call, value, times, scale):
        data = self.library.CODEC.encoder(
            call.name + ".out", call.name, *call.results)(value)
        assert call.decode(data) == value
        return name, (lambda: call.encode(value)), (
            lambda: call.decode(data)), times, scale

    def measure(self, rounds):
        for name, encode, decode, times, scale in self.rows:
            for what, function in (("encode", encode), ("decode", decode)):
                samples = []
                for _ in range(rounds):
                    start = time.perf_counter()
                    for _ in range(times):
                        function()
                    samples.append((time.perf_counter() - start) * scale
                                   / times)
                yield "%s %s" % (what, name), samples


class Callback:
    """What the package would do without an inbox."""

    def __init__(self, zoo):
        from ferry_runtime._c import lib
        from ferry_zoo import _library
        self.loop = loop = asyncio.get_running_loop()
        self.call, self.token = _library.call_zoo_jump, zoo.context.token
        self.pending, pending = {}, None
        decode = self.call.decode

        def on_reply(_request, status, data, size, user):
            future = pending.pop(user or 0)
            value = decode(ctypes.string_at(data, size))
            loop.call_soon_threadsafe(future.set_result, value)

        pending = self.pending
        self.function = REPLY_FN(on_reply)
        self.options = RequestOptions(
            struct_size=ctypes.sizeof(RequestOptions),
            callback=ctypes.cast(self.function, ctypes.c_void_p))
        self.submit = ctypes.CDLL(lib.path).ferry_request_submit
        self.submit.argtypes = [ctypes.c_void_p, ctypes.c_uint64,
                                ctypes.c_uint32, ctypes.c_char_p,
                                ctypes.c_size_t, ctypes.c_void_p]
        self.n = 0

    def jump(self, height):
        future = self.loop.create_future()
        self.n += 1
        self.pending[self.n] = future
        self.options.user = self.n
        block = self.call.encode(height)
        r = self.submit(None, self.token, self.call.id, block, len(block),
                        ctypes.byref(self.options))
        assert r == 0, r
        return future


async def window(jump):
    """Microseconds a call: submit, completion, whole."""
    loop = asyncio.get_running_loop()

    finished, left = loop.create_future(), IN_FLIGHT

    async def caller(i):
        nonlocal left
        assert await jump(i) == i
        left -= 1
        if left == 0:
            finished.set_result(None)

    start = time.perf_counter()
    tasks = [loop.create_task(caller(i)) for i in range(IN_FLIGHT)]
    await asyncio.sleep(0)      # every task runs up to its await
    submitted = time.perf_counter()
    await finished
    end = time.perf_counter()
    del tasks   # held until here: a loop has weak references only
    return [t / IN_FLIGHT * 1e6 for t in (
        submitted - start, end - submitted, end - start)]


async def one_by_one(jump, n=200):
    start = time.perf_counter()
    for i in range(n):
        await jump(i)
    return (time.perf_counter() - start) / n * 1e6


async def calls(rounds, windows):
    """By way: lists of the rounds' medians."""
    import ferry_zoo
    found = {"inbox": [], "callback": []}
    async with ferry_zoo.Zoo.open("bench") as zoo:
        ways = {"inbox": zoo.jump, "callback": Callback(zoo).jump}
        for jump in ways.values():
            await window(jump)
        gc.collect()
        gc.disable()
        for _ in range(rounds):
            for name, jump in ways.items():
                times = [await window(jump) for _ in range(windows)]
                found[name].append([statistics.median(t)
                                    for t in zip(*times)] +
                                   [await one_by_one(jump)])
        gc.enable()
    return found


def blocking(rounds):
    from ferry_zoo import blocking
    samples = []
    with blocking.Zoo.open("bench") as zoo:
        for _ in range(rounds):
            start = time.perf_counter()
            for i in range(1000):
                zoo.jump(i)
            samples.append((time.perf_counter() - start) * 1e3)
    return samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--out")
    args = parser.parse_args()
    find(args.build)

    print("\n%-46s %9s %9s %9s" % ("a generated package, CPython %s" % (
        platform.python_version()), "median", "min", "max"))
    figures = [row(*each) for each in Values().measure(args.rounds)]
    found = asyncio.run(calls(args.rounds, args.windows))
    for name, rounds in found.items():
        submit, done, whole, one = zip(*rounds)
        must = (MUST_US, MUST_US) if name == "inbox" else ()
        figures += [
            row("%s, %d in flight: a completion, us" % (name, IN_FLIGHT),
                done, *must),
            row("%s, %d in flight: a submit, us" % (name, IN_FLIGHT), submit),
            row("%s, %d in flight: whole, us" % (name, IN_FLIGHT), whole),
            row("%s, 1 in flight: whole, us" % name, one)]
    figures.append(row("blocking, 1 in flight: whole, us",
                       blocking(args.rounds)))
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump({"facts": {"python": platform.python_version(),
                                 "rounds": args.rounds,
                                 "windows": args.windows},
                       "figures": figures}, f, indent=2)
            f.write("\n")


if __name__ == "__main__":
    main()

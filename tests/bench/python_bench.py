#!/usr/bin/env python3
"""What a call costs through Python's runtime, ferry_runtime, all of it included:
the future that is made, the arguments and results that are copied (64 bytes
each way), the task that is woken.

    python_bench.py [--rounds=N] [--windows=N] [--out=FILE]

`inbox` is the runtime. `callback` is what a binding would do without an inbox: a
callback in Python for each call, on the library's thread, which hands the result
over by call_soon_threadsafe(). Both end with the same future set. With 1000 in
flight the submits (of tasks that begin) and the completions (of tasks that wait)
are told apart; with 1 there are only whole calls. "cpu" is the loop's thread's
own processor time, which others on the machine do not disturb as much. `asyncio
alone` is what of it no binding can save: the loop's own futures, set in a loop.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import platform
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../codegen/python/runtime")]

import rt  # noqa: E402 (where it is has just been said)
from asyncio_bench import row  # noqa: E402
from ferry_runtime import _c  # noqa: E402

MANY, ONE = 1000, 200
BLOCK = bytes(64)
MUST_US, REACH_US = 3.0, 2.2
REPLY_FN = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_int,
                            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


class Inbox:
    name = "inbox"

    def __init__(self, context):
        self.context = context

    def call(self):
        return self.context.request(rt.ECHO, BLOCK)


class Callback:
    name = "callback"

    def __init__(self, context):
        self.token = context.token
        self.loop = asyncio.get_running_loop()
        self.calls, self.key = {}, 0
        self.function = REPLY_FN(self.on_reply)
        self.options = _c.RequestOptions(
            callback=ctypes.cast(self.function, ctypes.c_void_p))

    def on_reply(self, request, status, data, size, user):
        future = self.calls.pop(user)
        self.loop.call_soon_threadsafe(
            future.set_result, ctypes.string_at(data, size))

    def call(self):
        self.key = key = self.key + 1
        self.calls[key] = future = self.loop.create_future()
        self.options.user = key
        r = _c.lib.request_submit(None, self.token, rt.ECHO, BLOCK,
                                  len(BLOCK), ctypes.byref(self.options))
        if r:
            sys.exit("submit: %d" % r)
        return future


class Alone:
    name = "asyncio alone"

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.futures = []

    def call(self):
        if not self.futures:
            self.loop.call_soon(self.complete)
        future = self.loop.create_future()
        self.futures.append(future)
        return future

    def complete(self):
        futures, self.futures = self.futures, []
        for future in futures:
            future.set_result(BLOCK)


async def many(way):
    """Microseconds, (wall, cpu) each: a submit, a completion, both."""
    loop = asyncio.get_running_loop()
    finished, left = loop.create_future(), MANY

    async def caller():
        nonlocal left
        await way.call()
        left -= 1
        if left == 0:
            finished.set_result(None)

    tasks = [loop.create_task(caller()) for _ in range(MANY)]
    times = [(time.perf_counter(), time.thread_time())]
    await asyncio.sleep(0)  # every task runs up to its await
    times.append((time.perf_counter(), time.thread_time()))
    await finished
    times.append((time.perf_counter(), time.thread_time()))
    del tasks   # held until here: a loop has weak references only
    return [(b - a) / MANY * 1e6
            for i, j in ((0, 1), (1, 2), (0, 2))
            for a, b in zip(times[i], times[j])]


async def one(way):
    """The same of a call, one after the other."""
    began = time.perf_counter(), time.thread_time()
    for _ in range(ONE):
        await way.call()
    ended = time.perf_counter(), time.thread_time()
    return [(b - a) / ONE * 1e6 for a, b in zip(began, ended)]


async def measure(rounds, windows):
    """{(way, measure): a list of medians, one for each round}"""
    results = {}
    async with await rt.opened() as context:
        ways = [Inbox(context), Callback(context), Alone()]
        for i in range(rounds + 1):
            gc.collect()
            gc.disable()
            for way in ways if i % 2 else reversed(ways):
                for what in (many, one):
                    each = zip(*[await what(way) for _ in range(windows)])
                    if i:   # the first is for warming up
                        results.setdefault((way.name, what), []).append(
                            [statistics.median(x) for x in each])
            gc.enable()
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--out")
    args = parser.parse_args()
    results = asyncio.run(measure(args.rounds, args.windows))

    print("\n%-46s %9s %9s %9s %7s %7s" % (
        "CPython %s, ferry_runtime" % platform.python_version(),
        "median", "min", "max", "must", "reach"))
    figures = []

    def figure(name, samples, *bounds):
        figures.append(dict(row(name, samples, *bounds), section="python"))

    def column(way, what, i):
        return [r[i] for r in results[way, what]]

    for way in ("inbox", "callback", "asyncio alone"):
        bounds = (MUST_US, REACH_US) if way == "inbox" else ()
        for i, name in enumerate(("a submit", "a completion", "whole")):
            figure("%s, %d in flight, %s, us" % (way, MANY, name),
                   column(way, many, 2 * i), *(bounds if i == 1 else ()))
            figure("  cpu", column(way, many, 2 * i + 1))
        figure(way + ", 1 in flight, whole, us", column(way, one, 0))
        figure("  cpu", column(way, one, 1))
    for what, i, name in ((many, 4, "%d in flight" % MANY),
                          (one, 0, "1 in flight")):
        figure("callback / inbox, %s, whole" % name, [
            c / i for c, i in zip(column("callback", what, i),
                                  column("inbox", what, i))])
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump({"facts": {"python": platform.python_version(),
                                 "rounds": args.rounds,
                                 "windows": args.windows},
                       "figures": figures}, f, indent=2)
            f.write("\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a completion costs in CPython's asyncio, 1000 requests in flight.

Two ways to get replies onto the event loop, in paired rounds:

  inbox     the inbox's descriptor is a reader of the loop; what is there is
            taken in one call, and each future is resolved on the loop's thread
  callback  a ctypes callback for each reply on the FFI thread, which takes the
            interpreter's lock and does call_soon_threadsafe()

A window has 1000 tasks, each awaiting a future of its own, as 1000 concurrent
`await db.query(...)` would; it submits 1000 requests of 64 bytes to a native
no-op by one ferry_request_submit_many(). A completion's cost runs from the
return of the submit until the last task has gone on, divided by 1000: futures
resolved, tasks woken and run. "Whole" includes making futures and tasks, and
the submit.

    asyncio_bench.py LIBFERRY NOOP.SO [--rounds=9] [--windows=20] [--out=FILE]
"""

import argparse
import asyncio
import ctypes
import gc
import json
import platform
import statistics
import struct
import sys
import time

IN_FLIGHT = 1000
PAYLOAD = 64
MUST_US, REACH_US = 3.0, 2.2

u32, u64, i64, size_t, ptr = (ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64,
                              ctypes.c_size_t, ctypes.c_void_p)


class Levels(ctypes.Structure):
    _fields_ = [(n, u32) for n in ("slow", "stalled", "wedged", "fatal")]


class Method(ctypes.Structure):
    _fields_ = [("struct_size", size_t), ("flags", u32), ("reserved", u32),
                ("name", ctypes.c_char_p), ("handler", ptr),
                ("levels", Levels)]


class LibraryOptions(ctypes.Structure):
    _fields_ = [("struct_size", size_t), ("flags", u32), ("n_methods", u32),
                ("name", ctypes.c_char_p), ("methods", ctypes.POINTER(Method)),
                ("events", ptr), ("n_events", u32), ("reserved", u32),
                ("init", ptr), ("fini", ptr)]


class ContextOptions(ctypes.Structure):
    # As far as is set here: a shorter struct is allowed.
    _fields_ = [("struct_size", size_t), ("flags", u32), ("shards", u32),
                ("library", u64)]


class RequestOptions(ctypes.Structure):
    _fields_ = [("struct_size", size_t), ("flags", u32), ("stale_ms", u32),
                ("lane", u64), ("deadline_ns", u64), ("inbox", u64),
                ("callback", ptr), ("user", ptr), ("free", ptr),
                ("free_user", ptr)]


class Item(ctypes.Structure):
    _fields_ = [("method", u32), ("reserved", u32), ("data", ptr),
                ("size", size_t), ("user", ptr)]


# struct ferry_completion: kind, status, code, level, context, request, user,
# data, size, name, age_ns, depth, count, listener.
COMPLETION = struct.Struct("=IiIIQQQQQQQQQQ")
KIND, STATUS, USER = 0, 1, 6
REPLY = 1  # FERRY_KIND_REPLY
BATCH = 256
REPLY_FN = ctypes.CFUNCTYPE(None, u64, ctypes.c_int, ptr, size_t, ptr)


class Ferry:
    def __init__(self, library_path, noop_path):
        self.so = ctypes.CDLL(library_path)
        self.noop = ctypes.CDLL(noop_path)
        for name, *args in (
                ("library_open", ptr, ptr), ("context_open", ptr, ptr),
                ("context_close", u64, ptr, ptr), ("inbox_open", ptr, ptr),
                ("inbox_fd", ptr, u64), ("inbox_attach", u64, u64, ptr),
                ("inbox_take", ptr, u32, u64), ("inbox_close", ptr, u64),
                ("request_submit_many", ptr, u64, ptr, size_t, ptr)):
            function = getattr(self.so, "ferry_" + name)
            function.argtypes = args
            function.restype = ctypes.c_int
            setattr(self, name, function)
        self.so.ferry_error_name.restype = ctypes.c_char_p

    def must(self, r):
        if r < 0:
            sys.exit("ferry: " + self.so.ferry_error_name(r).decode())
        return r

    def open(self):
        handler = ctypes.cast(self.noop.bench_noop, ptr)
        method = Method(ctypes.sizeof(Method), 0, 0, b"noop", handler)
        options = LibraryOptions(ctypes.sizeof(LibraryOptions), 0, 1, b"bench",
                                 ctypes.pointer(method))
        library, context = u64(), u64()
        self.must(self.library_open(ctypes.byref(library),
                                    ctypes.byref(options)))
        options = ContextOptions(ctypes.sizeof(ContextOptions), 0, 0,
                                 library.value)
        self.must(self.context_open(ctypes.byref(context),
                                    ctypes.byref(options)))
        return context.value


class Way:
    """One way of getting replies; a window's requests are made once."""

    def __init__(self, ferry, context, **options):
        self.ferry, self.context = ferry, context
        self.futures = []
        self.payload = ctypes.create_string_buffer(PAYLOAD)
        data = ctypes.addressof(self.payload)
        # A request's user value is the index of its future.
        self.items = (Item * IN_FLIGHT)(
            *(Item(0, 0, data, PAYLOAD, i) for i in range(IN_FLIGHT)))
        self.options = RequestOptions(
            struct_size=ctypes.sizeof(RequestOptions), **options)

    async def window(self):
        """The times of one window: whole, and from the submit's return."""
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        finished, left = loop.create_future(), IN_FLIGHT

        async def caller(future):
            nonlocal left
            await future
            left -= 1
            if left == 0:
                finished.set_result(None)

        self.futures[:] = [loop.create_future() for _ in range(IN_FLIGHT)]
        tasks = [loop.create_task(caller(f)) for f in self.futures]
        await asyncio.sleep(0)  # every task runs up to its await
        self.ferry.must(self.ferry.request_submit_many(
            None, self.context, self.items, IN_FLIGHT,
            ctypes.byref(self.options)))
        submitted = time.perf_counter()
        await finished
        end = time.perf_counter()
        del tasks  # held until here: a loop has weak references only
        return end - start, end - submitted


class Inbox(Way):
    name = "inbox"

    def __init__(self, ferry, context):
        inbox, fd = u64(), ctypes.c_int()
        ferry.must(ferry.inbox_open(ctypes.byref(inbox), None))
        ferry.must(ferry.inbox_attach(inbox.value, context, None))
        ferry.must(ferry.inbox_fd(ctypes.byref(fd), inbox.value))
        self.inbox, self.fd = inbox.value, fd.value
        self.buffer = ctypes.create_string_buffer(COMPLETION.size * BATCH)
        self.view = memoryview(self.buffer)
        super().__init__(ferry, context, inbox=self.inbox)
        asyncio.get_running_loop().add_reader(self.fd, self.on_readable)

    def on_readable(self):
        take, futures = self.ferry.inbox_take, self.futures
        while True:
            n = self.ferry.must(take(self.buffer, BATCH, self.inbox))
            for c in COMPLETION.iter_unpack(self.view[:n * COMPLETION.size]):
                # A no-op's reply has no block to give back. A null pointer
                # is the future with the index 0. On a machine that is busy
                # with other things there may be notices between them.
                if c[KIND] == REPLY:
                    futures[c[USER]].set_result(c[STATUS])
            if n < BATCH:
                return

    def close(self):
        asyncio.get_running_loop().remove_reader(self.fd)
        self.ferry.must(self.ferry.inbox_close(None, self.inbox))


class Callback(Way):
    name = "callback"

    def __init__(self, ferry, context):
        loop, futures = asyncio.get_running_loop(), None

        def on_reply(_request, status, _data, _size, user):
            loop.call_soon_threadsafe(futures[user or 0].set_result, status)

        self.function = REPLY_FN(on_reply)
        super().__init__(ferry, context,
                         callback=ctypes.cast(self.function, ptr))
        futures = self.futures

    def close(self):
        pass


async def run_round(ways, first, windows):
    """Microseconds by way: (whole, completion), medians of the windows."""
    result = {}
    for k in range(len(ways)):
        way = ways[(first + k) % len(ways)]
        times = [await way.window() for _ in range(windows)]
        result[way.name] = tuple(
            statistics.median(t) / IN_FLIGHT * 1e6 for t in zip(*times))
    return result


async def measure(ferry, rounds, windows):
    context = ferry.open()
    ways = [Inbox(ferry, context), Callback(ferry, context)]
    await run_round(ways, 0, 2)
    gc.collect()
    gc.disable()
    results = [await run_round(ways, i, windows) for i in range(rounds)]
    for way in ways:
        way.close()
    ferry.must(ferry.context_close(context, None, None))
    return results


def row(name, samples, must=None, reach=None):
    median = statistics.median(samples)
    verdict = ""
    if must is not None:
        verdict = ("MISSED" if median > must else
                   "ok" if median > reach else "reached")
    print("%-46s %9.3f %9.3f %9.3f %7s %7s  %s" % (
        "  " + name, median, min(samples), max(samples),
        "" if must is None else "<=%g" % must,
        "" if reach is None else "<=%g" % reach, verdict))
    return {"section": "asyncio", "figure": name, "median": median,
            "min": min(samples), "max": max(samples), "must": must,
            "reach": reach, "verdict": verdict, "samples": samples}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("libferry")
    parser.add_argument("noop")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--out")
    args = parser.parse_args()

    ferry = Ferry(args.libferry, args.noop)
    results = asyncio.run(measure(ferry, args.rounds, args.windows))

    def column(way, i):
        return [r[way][i] for r in results]

    print("\n%-46s %9s %9s %9s %7s %7s" % (
        "CPython %s asyncio, %d in flight" % (
            platform.python_version(), IN_FLIGHT),
        "median", "min", "max", "must", "reach"))
    figures = [
        row("inbox, a completion, us", column("inbox", 1),
            MUST_US, REACH_US),
        row("inbox, whole, us", column("inbox", 0)),
        row("callback, a completion, us", column("callback", 1)),
        row("callback, whole, us", column("callback", 0)),
        row("callback / inbox, a completion", [
            c / i for c, i in zip(column("callback", 1),
                                  column("inbox", 1))]),
    ]
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump({"facts": {"python": platform.python_version(),
                                 "rounds": args.rounds,
                                 "windows": args.windows},
                       "figures": figures}, f, indent=2)
            f.write("\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Calls that threads start and do not wait for: results, cancels, timeouts,
many threads, and what a context's threads are said to do."""

import concurrent.futures
import gc
import json
import os
import re
import signal
import threading
import time
import unittest.mock
import weakref

import rt
from rt import fr

LONG = rt.LONG
FOREVER = 30 * rt.SLOW


def running(c, n=1):
    rt.until(lambda: c.counters()["running"] == n)


def test_results():
    with rt.blocking() as c:
        assert c.start(rt.ECHO, b"hello").result(FOREVER) == b"hello"
        assert c.start(rt.ECHO, b"17", int).result(FOREVER) == 17
        error = c.start(rt.FAIL, rt.failure(1, "no")).exception(FOREVER)
        assert type(error) is rt.Refused and str(error) == "no"
        error = c.start(rt.ECHO, b"x", int).exception(FOREVER)
        assert type(error) is ValueError
        rt.raises(fr.FerryError, c.start, 999)
        late = [c.start(rt.ECHO, rt.u32(i), rt.number) for i in range(1000)]
        done = concurrent.futures.as_completed(late, FOREVER)
        assert sorted(f.result() for f in done) == list(range(1000))
    rt.raises(fr.ClosedError, c.start, rt.ECHO)


def test_order():
    """Calls of a thread start in their order, also between those waited for."""
    with rt.blocking() as c:
        gate = c.start(rt.SLEEP, rt.u32(5))
        ended = []
        for i in range(100):
            c.start(rt.ECHO, rt.u32(i), rt.number).add_done_callback(
                lambda f: ended.append(f.result()))
        last = c.start(rt.ECHO, b"last")
        assert last.result(FOREVER) == b"last"
        assert ended == list(range(100))
        assert gate.result(FOREVER) is not None


def test_cancel():
    """Of what runs and of what waits, from another thread, any number of
    times; all who wait hear of it."""
    for function in (rt.HOLD, rt.SLEEP):
        with rt.blocking() as c:
            future = c.start(function, LONG)
            running(c)
            behind = c.start(function, LONG)
            waits = rt.Thread(
                rt.raises, concurrent.futures.CancelledError, future.result,
                FOREVER)
            assert behind.cancel() and future.cancel() and future.cancel()
            waits.join()
            done, rest = concurrent.futures.wait([future, behind], FOREVER)
            assert len(done) == 2 and not rest
            assert future.cancelled() and future.done()
            running(c, 0)
            assert c.request(rt.ECHO, b"x") == b"x"


def test_cancel_meets_the_end():
    """Whoever is first: it is cancelled, or has its result."""
    with rt.blocking() as c:
        outcomes = {True: 0, False: 0}
        for i in range(2000):
            future = c.start(rt.ECHO, b"x")
            if i % 3:
                c.start(rt.ECHO, b"y").result(FOREVER)
            canceled = future.cancel()
            outcomes[canceled] += 1
            if canceled:
                rt.raises(concurrent.futures.CancelledError, future.result)
            else:
                assert future.result(FOREVER) == b"x"
        assert outcomes[False] > 0


def test_timeout():
    with rt.blocking() as c:
        for function in (rt.HOLD, rt.SLEEP):
            late = c.start(function, LONG, timeout=0.05)
            soon = c.start(function, LONG, timeout=0.02)
            for future in (soon, late):
                error = future.exception(FOREVER)
                assert isinstance(error, TimeoutError), error
                assert isinstance(error, fr.TimedOutError), error
        error = c.start(rt.ECHO, b"x", timeout=-1).exception(FOREVER)
        assert isinstance(error, TimeoutError)
        assert c.start(rt.ECHO, b"x", timeout=60).result(FOREVER) == b"x"
        running(c, 0)


def test_timeout_of_strands():
    """Ferry cancels them when their deadline has passed: a timeout too, also
    where the thread was held up between its looks at the clock."""
    def slow():
        now = clock()
        time.sleep(0.01)
        return now

    clock = fr._futures.lib.clock_ns
    with rt.blocking() as c:
        for look in (clock, slow):
            with unittest.mock.patch.object(
                    fr._futures.lib, "clock_ns", look):
                futures = [c.start(rt.SLEEP, LONG, timeout=0.02 + i * 1e-4)
                           for i in range(20)]
            for future in futures:
                error = future.exception(FOREVER)
                assert isinstance(error, TimeoutError), error


def test_timers_are_given_back():
    """Those of calls that have ended, long before they would fall due."""
    with rt.blocking() as c:
        for _ in range(50):
            concurrent.futures.wait([
                c.start(rt.ECHO, b"x", timeout=3600) for _ in range(100)])
        taker = fr._futures.taker()
        assert len(taker._timers) < 1000
        assert not taker._pending


def test_callbacks():
    """They may raise, and start more."""
    told = []
    before = threading.excepthook
    threading.excepthook = lambda args: told.append(args.exc_type)
    try:
        with rt.blocking() as c:
            again = []

            def leave(_):
                raise SystemExit(3)

            # Behind the gate, so that they are not done before they have one.
            rt.gate.counter_gate_close()
            c.start(rt.GATE).add_done_callback(leave)
            first = c.start(rt.ECHO)
            first.add_done_callback(
                lambda _: again.append(c.start(rt.ECHO, b"z")))
            rt.gate.counter_gate_open()
            rt.until(lambda: again and told)
            assert again[0].result(FOREVER) == b"z"
    finally:
        threading.excepthook = before
    assert told == [SystemExit]


def test_close():
    """What has been started ends with its context, as it is closed."""
    c = rt.blocking()
    drained = [c.start(rt.ECHO, rt.u32(i)) for i in range(100)]
    c.close()
    assert [f.result(FOREVER) for f in drained] == [
        rt.u32(i) for i in range(100)]
    c = rt.blocking()
    future = c.start(rt.HOLD, LONG)
    running(c)
    behind = c.start(rt.ECHO)
    c.close(fr.CloseMode.CANCEL)
    for each in (future, behind):
        assert isinstance(each.exception(FOREVER),
                          (fr.ClosedError, fr.CanceledError))


def test_nobody_has_the_context():
    """It stays as long as it has calls, and no longer."""
    rt.gate.counter_gate_close()
    c = rt.blocking()
    gone = weakref.ref(c)
    future = c.start(rt.GATE)
    del c
    gc.collect()
    c = gone()
    assert c is not None
    rt.gate.counter_gate_open()
    assert future.result(FOREVER) is not None
    c.close()
    del c
    rt.collected(lambda: gone() is None)


def test_full():
    with rt.blocking(options=fr.OpenOptions(depth=16)) as c:
        started = [c.start(rt.HOLD, LONG)]

        def fill():
            while True:
                started.append(c.start(rt.ECHO))

        rt.raises(fr.AgainError, fill)
        assert len(started) >= 16
        started[0].cancel()
        concurrent.futures.wait(started, FOREVER)
        rt.until(lambda: not c.counters()["running"])
        assert c.start(rt.ECHO, b"x").result(FOREVER) == b"x"


def test_threads():
    with rt.blocking() as c, rt.blocking() as other:
        wrong = []

        def work(k):
            for i in range(0, 300, 10):
                started = [(k + j, (c, other)[j % 2].start(
                    rt.ECHO, rt.u32(k + j), rt.number, timeout=60))
                    for j in range(i, i + 10)]
                started[3][1].cancel()
                del started[3]
                wrong.extend(n for n, f in started
                             if f.result(FOREVER) != n)

        for t in [rt.Thread(work, k * 1000) for k in range(8)]:
            t.join()
        assert not wrong


def test_interrupt():
    """Ctrl-C ends the wait, not the call."""
    with rt.blocking() as c:
        future = c.start(rt.HOLD, LONG)
        running(c)
        rt.interrupted(future.result)
        assert not future.done() and c.counters()["running"] == 1
        assert future.cancel()
        running(c, 0)


def test_interrupt_anywhere():
    """A signal's exception at any moment of a start leaves nothing behind."""
    class Alarm(Exception):
        pass

    def strike(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with rt.blocking() as c:
            pending, struck = fr._futures.taker()._pending, 0
            rt.until(lambda: not pending)
            for i in range(400):
                # What was struck between its submit and its cancel goes on.
                # Of the others no more may be on their way than have room.
                rt.until(lambda: len(pending) <= struck)
                try:
                    signal.setitimer(signal.ITIMER_REAL, 2e-6 * (i + 1))
                    for _ in range(50):
                        c.start(rt.SLEEP, LONG, timeout=3600).cancel()
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except Alarm:
                    struck += 1
            assert struck > 20, struck
            c.close(fr.CloseMode.CANCEL)
        with rt.blocking() as c:
            assert c.start(rt.ECHO, b"y", timeout=60).result(FOREVER) == b"y"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_fork():
    """A child has none of the parent's calls, and starts its own."""
    with rt.blocking() as c:
        future = c.start(rt.HOLD, LONG)
        running(c)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.alarm(int(30 * rt.SLOW))
                rt.raises(fr.ForkedError, c.start, rt.ECHO)
                future.cancel()
                with rt.blocking() as own:
                    assert own.start(rt.ECHO, b"c").result() == b"c"
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        assert not future.done()
        future.cancel()


def test_a_child_of_a_call():
    """It is told so by what it has of its parent's calls, also where another
    thread waits for them; the parent's callbacks stay the parent's."""
    told = []
    with rt.blocking() as c:
        futures = [c.start(rt.HOLD, LONG), c.start(rt.ECHO, timeout=3600)]
        for future in futures:
            future.add_done_callback(told.append)
        running(c)
        waiter = rt.Thread(lambda: rt.raises(
            concurrent.futures.CancelledError, futures[0].result))
        rt.until(lambda: futures[0]._condition._waiters)
        futures[1]._condition.acquire()     # as a thread may that is not there
        holder = rt.Thread(fork_anywhere, futures, told)
        holder.join()
        futures[1]._condition.release()
        assert not told and not any(f.done() for f in futures)
        futures[0].cancel()
        waiter.join()
        assert futures[1].result(FOREVER) == b""
        rt.until(lambda: len(told) == 2)


def fork_anywhere(futures, told):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(int(30 * rt.SLOW))
            for future in futures:
                rt.raises(fr.ForkedError, future.result)
                assert future.done() and not future.cancel()
            done = concurrent.futures.wait(futures)
            assert done.done == set(futures)
            assert not told
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


LEFT = """
import rt
c = rt.blocking()
future = c.start(rt.HOLD, rt.LONG, timeout=3600)
rt.until(lambda: c.counters()["running"])
c.start(rt.ECHO)
print("left")
"""


def test_exit():
    """Nothing keeps a process whose calls are still on their way."""
    done = rt.child(LEFT)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("left\n"), done.stdout


def test_health():
    with rt.blocking() as c:
        # Of its two threads the watcher may be the later one.
        rt.until(lambda: c.health().worker == "idle"
                 and c.health().watcher_thread)
        health = c.health()
        assert health.method is None and health.level == "none"
        assert health.queued == health.running == health.hooks == 0
        assert health.worker_thread and health.watcher_thread
        future = c.start(rt.HOLD, LONG)
        running(c)
        behind = c.start(rt.ECHO)
        health = c.health()
        assert health.worker == "busy" and health.method == "hold"
        assert (health.queued, health.running) == (1, 1)
        rt.until(lambda: c.health().seconds > 0.005)
        future.cancel()
        behind.result(FOREVER)
        rt.until(lambda: c.health().beats > health.beats)
    rt.raises(fr.FerryError, c.health)


def test_metrics():
    """Whole, however long; of strands and methods too."""
    with rt.blocking() as c:
        for _ in range(300):
            c.start(rt.ECHO).result(FOREVER)
        # A reply is on its way before it is counted.
        rt.until(lambda: json.loads(c.metrics(json=True))
                 ["counters"]["ended_ok"] == 300)
        told = json.loads(c.metrics(json=True))
        assert told["counters"]["submitted"] == 300
        assert told["strands"]["spawned"] == 0
        text = c.metrics()
        assert text.endswith("\n")
        assert re.search(r"^ferry_requests_submitted_total\{.*\} 300$", text,
                         re.MULTILINE)
        # Not a byte is lost where the first room is too small.
        with unittest.mock.patch.object(fr._health, "FIRST", 1):
            assert set(json.loads(c.metrics(json=True))) == set(told)
    rt.raises(fr.FerryError, c.metrics)


if __name__ == "__main__":
    rt.main(globals())

#!/usr/bin/env python3
"""Contexts for threads that wait: results, timeouts, Ctrl-C, many threads."""

import signal
import time
import unittest.mock

import rt
from rt import fr

# A cancelled call's reply is waited for, however late the library's thread is.
fr._blocking._PATIENCE = 60 * rt.SLOW


def test_results():
    with rt.blocking() as c:
        assert c.request(rt.ECHO, b"hello") == b"hello"
        assert c.request(rt.ECHO, b"17", int) == 17
        assert c.request(rt.ECHO) == b""
        error = rt.raises(rt.Refused, c.request, rt.FAIL,
                          rt.failure(1, "no"))
        assert str(error) == "no" and error.code == 1
        rt.raises(ValueError, c.request, rt.ECHO, b"x", int)
        rt.raises(fr.FerryError, c.request, 999)
    rt.raises(fr.ClosedError, c.request, rt.ECHO)
    assert c.close() is None


def test_open():
    error = rt.raises(rt.Refused, rt.counter.open_blocking, 0, 0, rt.NOWHERE)
    assert str(error) == "starts nowhere"
    rt.raises(fr.InvalidError, rt.counter.open_blocking, 9, 0, rt.START)


def test_timeout():
    with rt.blocking() as c:
        for function in (rt.HOLD, rt.SLEEP):
            began = time.monotonic()
            rt.raises(TimeoutError, c.request, function, rt.LONG,
                      timeout=0.02)
            assert time.monotonic() - began > 0.01
            counts = c.counters()
            assert counts["running"] == counts["queued"] == 0
        assert c.request(rt.ECHO, b"x", timeout=60) == b"x"
        rt.raises(TimeoutError, c.request, rt.ECHO, b"x", timeout=-1)
        counts = c.counters()
        assert counts["running"] == counts["queued"] == 0


def test_timeout_of_strands():
    """Ferry cancels them when their deadline has passed: a timeout too."""
    with rt.blocking() as c:
        for i in range(300):
            error = rt.raises(fr.FerryError, c.request, rt.SLEEP,
                              rt.LONG, timeout=0.0005 + i * 1e-5)
            assert isinstance(error, TimeoutError), error


def test_interrupt():
    with rt.blocking() as c:
        for function in (rt.HOLD, rt.SLEEP):
            rt.interrupted(lambda: c.request(function, rt.LONG),
                           lambda: c.counters()["running"] == 1)
            assert c.counters()["running"] == 0
        with c.events({rt.ON_NOISE: rt.number}) as stream:
            rt.interrupted(lambda: next(stream))
        assert c.request(rt.ECHO, b"x") == b"x"


def test_interrupt_deaf():
    """A call that does not end is not waited for, but for a while."""
    rt.gate.counter_gate_close()
    with rt.blocking() as c:
        with unittest.mock.patch.object(fr._blocking, "_PATIENCE", 0.05):
            rt.interrupted(lambda: c.request(rt.GATE), rt.gate.counter_at_gate)
        assert rt.gate.counter_at_gate()
        rt.gate.counter_gate_open()


def test_interrupt_anywhere():
    """A signal's exception at any moment of a call leaves nothing behind."""
    class Alarm(Exception):
        pass

    def strike(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with rt.blocking() as c:
            struck = 0
            for i in range(400):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 2e-6 * (i + 1))
                    for _ in range(50):
                        c.request(rt.ECHO, b"x")
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except Alarm:
                    struck += 1
            assert struck > 20, struck
            for i in range(200):
                # Before, in and after the submit, and in the wait.
                rt.raises(Alarm, lambda: (
                    signal.setitimer(signal.ITIMER_REAL, 1e-6 * (i + 1)),
                    c.request(rt.HOLD, rt.LONG)))
            counts = c.counters()
            assert counts["running"] == counts["queued"] == 0
            assert c.request(rt.ECHO, b"y") == b"y"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_threads():
    """Any number of threads at a time, each with its own results."""
    with rt.blocking() as c:
        wrong = []

        def work(k):
            for i in range(200):
                if c.request(rt.ECHO, rt.u32(k + i), rt.number) != k + i:
                    wrong.append((k, i))
        for t in [rt.Thread(work, k * 1000) for k in range(8)]:
            t.join()
        assert not wrong
        assert c.counters()["ended_ok"] == 1600


def test_interpreter_runs_meanwhile():
    with rt.blocking() as c:
        t = rt.Thread(rt.raises, fr.FerryError, c.request, rt.HOLD, rt.LONG)
        rt.until(lambda: c.counters()["running"] == 1)
        assert c.close(fr.CloseMode.CANCEL) is None
        t.join()


if __name__ == "__main__":
    rt.main(globals())

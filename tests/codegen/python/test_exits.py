#!/usr/bin/env python3
"""The end of a process that is in the middle of a thousand calls by a generated
package, in each of the ways of ways.py: at once, by its own code, in silence,
and the library's own end is not left out.

    test_exits.py [WAY]         the environment's EXIT_RUNS says how often

T_LIMIT=1200 is for 100 runs; one takes seconds.
"""

import concurrent.futures
import os
import select
import subprocess
import sys

import ways

RUNS = int(os.environ.get("EXIT_RUNS") or 1)
SLOW = float(os.environ.get("T_SLOW") or 1)
LEAVE_S, ARRIVE_S, STEP_S, PARALLEL = 2.0, 30.0, 0.02, 2
CODES = (3, 0, 77, 255)


def expected(way, code):
    return code if ways.WAYS[way] is None else ways.WAYS[way]


def look(p, control):
    """Its output, and for how many seconds it was leaving. They are counted in
    steps from look to look: where the machine stood still, and this with it, a
    long one is as good as any."""
    left = 0
    for _ in range(int(ARRIVE_S * SLOW / STEP_S)):
        try:
            return p.communicate(timeout=STEP_S)[0], left * STEP_S
        except subprocess.TimeoutExpired:
            left += len(select.select([control], [], [], 0)[0])
    raise AssertionError("did not end" if left else "never came to the point")


def judge(way, code, p, output, took, told):
    """How many seconds it took to go."""
    assert p.returncode == expected(way, code) and not output, (
        "ended by %d, not %d\n%s" % (p.returncode, expected(way, code),
                                     output[-2000:].decode()))
    closed = b"" if way in ways.CUT_OFF else ways.CLOSED
    assert told == ways.LEAVES + closed, "told %r" % told
    assert took < LEAVE_S * SLOW, "took %.1f s to go" % took
    return took


def run_one(way, i):
    code, held = CODES[i % len(CODES)], (i + len(way.__name__)) % 2
    ours, theirs = os.pipe()
    command = [sys.executable, "-S", ways.__file__, way.__name__, str(code),
               str(held), str(theirs)]
    p = subprocess.Popen(command, pass_fds=[theirs],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    os.close(theirs)
    try:
        output, took = look(p, ours)
        return judge(way, code, p, output, took, os.read(ours, 99))
    except Exception as error:
        raise AssertionError("%s: %s" % (" ".join(command[3:6]), error)) \
            from error
    finally:
        p.kill()
        os.close(ours)


def test_ways(only=None):
    # Two at a time: they end in a race, and with a neighbour it is another.
    pool = concurrent.futures.ThreadPoolExecutor(PARALLEL)
    done = {way: [pool.submit(run_one, way, i) for i in range(RUNS)]
            for way in ways.WAYS if only in (None, way.__name__)}
    try:
        for way, runs in done.items():
            print("%-24s gone after %4.0f ms at most" % (
                way.__name__, max(run.result() for run in runs) * 1e3),
                  flush=True)
    finally:
        pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    test_ways(*sys.argv[1:])

#!/usr/bin/env python3
"""The tutorial's library from Python: each way to answer, and each way to end
a call before that."""

import asyncio
import os
import sys
import threading
import time
import unittest
from datetime import timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
O = os.path.abspath(os.environ.get("O", "build"))
os.environ["FERRY_TIMER_LIBRARY"] = os.path.join(
    O, "samples/timer/libferry_timer.so")
os.environ.setdefault("FERRY_LIBRARY", os.path.join(O, "libferry.so"))
sys.path[:0] = [os.path.join(HERE, "generated/python"),
                os.path.join(HERE, "generated/python/tests"),
                os.path.join(HERE, "../../ffi/codegen/python/runtime")]

from ferry_runtime import CanceledError, CloseMode, TimedOutError
from ferry_timer import Interrupted, Jitter, Rhythm, Timer, blocking
# The package's own tests, which run here too.
from test_ferry_timer import *    # noqa: F403

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
SLOW = float(os.environ.get("T_SLOW") or 1)


class OnALoop(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.timer = await Timer.open()
        self.start = time.monotonic()

    async def asyncTearDown(self):
        await self.timer.close()
        self.assert_before(30)

    def assert_before(self, seconds):
        self.assertLess(time.monotonic() - self.start, seconds * SLOW)

    def passed(self):
        return timedelta(seconds=time.monotonic() - self.start)

    async def begun(self):
        """What was called on this thread before has begun, or is answered."""
        await self.timer.echo("")

    async def test_echo(self):
        for text in "", "hello", "gr\xfc\xdfe \U0001f43b", "x" * 100000:
            self.assertEqual(await self.timer.echo(text), text)

    async def test_three_are_answered_when_each_is_due(self):
        for wait in self.timer.after, self.timer.delay:
            said, unit, began = [], 100 * MS, HOUR

            async def say(delay, text):
                said.append(await wait(delay, text))

            # Which is due when is certain if they began together.
            while began >= unit:
                said.clear()
                unit *= 2
                self.start = time.monotonic()
                all_three = asyncio.gather(say(2 * unit, "third"),
                                           say(MS, "first"),
                                           say(unit, "second"))
                await asyncio.sleep(0)
                await self.begun()
                began = self.passed() + MS
                await all_three
            self.assertEqual(said, ["first", "second", "third"])

    async def test_never_early(self):
        for wait in self.timer.after, self.timer.delay, self.timer.hold:
            self.start = time.monotonic()
            self.assertEqual(await wait(30 * MS, "late"), "late")
            self.assertGreaterEqual(self.passed(), 30 * MS)

    async def test_a_thousand_at_once(self):
        for wait in self.timer.after, self.timer.delay:
            self.start = time.monotonic()
            texts = [str(i) for i in range(1000)]
            self.assertEqual(texts, await asyncio.gather(
                *(wait(100 * MS, text) for text in texts)))
            self.assertGreaterEqual(self.passed(), 100 * MS)
            self.assert_before(10)

    async def test_cancel(self):
        for wait in self.timer.after, self.timer.delay, self.timer.hold:
            never = asyncio.ensure_future(wait(HOUR, "never seen"))
            await asyncio.sleep(0)
            if wait != self.timer.hold:
                await self.begun()
            never.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await never
            # It has ended in the library too: that is not held up.
            self.assertEqual(await self.timer.echo("free"), "free")

    async def test_cancel_of_a_schedule(self):
        never = self.timer.schedule(Rhythm(ticks=1, period=HOUR))
        await self.begun()
        never.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await never

    async def test_timeout(self):
        for wait in self.timer.after, self.timer.delay, self.timer.hold:
            with self.assertRaises(TimedOutError):
                await wait(HOUR, "never seen", timeout=0.03)
            self.assertEqual(await self.timer.echo("free"), "free")

    async def test_close_cancels(self):
        calls = [self.timer.after(HOUR, ""), self.timer.delay(HOUR, ""),
                 self.timer.schedule(Rhythm(ticks=1, period=HOUR))]
        await self.begun()
        self.assertIsNone(await self.timer.close(CloseMode.CANCEL))
        for call in calls:
            with self.assertRaises(CanceledError):
                await call

    async def test_close_drains(self):
        calls = [self.timer.after(50 * MS, "after"),
                 self.timer.delay(60 * MS, "delay")]
        await self.timer.close()
        self.assertEqual(await asyncio.gather(*calls), ["after", "delay"])
        self.assertGreaterEqual(self.passed(), 60 * MS)

    async def test_events(self):
        period, jitter = 20 * MS, 10 * MS
        async with self.timer.on_tick() as ticks:
            done = self.timer.schedule(
                Rhythm(ticks=5, period=period, jitter=jitter))
            for i in range(1, 6):
                self.assertEqual((await ticks.__anext__()).number, i)
                self.assertGreaterEqual(self.passed(), i * period)
            await done
            self.assertEqual(ticks.dropped, 0)

    async def test_events_reach_all_who_listen_and_end_with_the_timer(self):
        heard = [self.timer.on_tick(), self.timer.on_tick()]
        await self.timer.schedule(Rhythm(ticks=3, period=MS))
        await self.timer.close()
        for ticks in heard:
            self.assertEqual([t.number async for t in ticks], [1, 2, 3])

    async def test_too_much_jitter(self):
        with self.assertRaisesRegex(Jitter, "more jitter than"):
            await self.timer.schedule(
                Rhythm(ticks=1, period=MS, jitter=2 * MS))

    async def stall(self, notices):
        """The next notice that is not about the machine."""
        while True:
            notice = await notices.__anext__()
            if notice.kind not in ("overloaded", "held"):
                return notice

    async def test_the_watchdog_names_the_call(self):
        async with self.timer.context.notices() as notices:
            held = self.timer.hold(HOUR, "never seen")
            behind = self.timer.echo("at last")
            notice = await self.stall(notices)
            self.assertEqual(
                (notice.kind, notice.level, notice.method),
                ("not_responding", "stalled", "timer.hold"))
            self.assertGreaterEqual(notice.seconds, 0.2)
            self.assertIn('"timer.hold": not responding', notice.report)
            self.assertFalse(behind.done())
            held.cancel()
            self.assertEqual((await self.stall(notices)).kind, "responding")
            self.assertEqual(await behind, "at last")

    async def test_another_is_not_held_up(self):
        async with Timer.open() as other:
            held = self.timer.hold(HOUR, "never seen")
            self.assertEqual(await other.echo("free"), "free")
            held.cancel()


class OnThreads(unittest.TestCase):
    def test_many_threads(self):
        got = {}
        with blocking.Timer.open() as timer:
            def ask(i):
                got[i] = [timer.echo("%d" % i), timer.after(MS, "%d" % i),
                          timer.delay(MS, "%d" % i)]

            threads = [threading.Thread(target=ask, args=(i,))
                       for i in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(got, {i: ["%d" % i] * 3 for i in range(20)})

    def test_timeout(self):
        with blocking.Timer.open() as timer:
            for wait in timer.after, timer.delay, timer.hold:
                with self.assertRaises(TimedOutError):
                    wait(HOUR, "never seen", timeout=0.03)
                self.assertEqual(timer.echo("free"), "free")

    def test_events(self):
        with blocking.Timer.open() as timer, timer.on_tick() as ticks:
            timer.schedule(Rhythm(ticks=3, period=MS))
            self.assertEqual([next(ticks).number for _ in range(3)],
                             [1, 2, 3])

    def test_errors(self):
        self.assertEqual((Jitter.code, Interrupted.code), (2, 3))
        with blocking.Timer.open() as timer:
            with self.assertRaises(Jitter):
                timer.schedule(Rhythm(ticks=0, period=MS, jitter=2 * MS))


if __name__ == "__main__":
    unittest.main()

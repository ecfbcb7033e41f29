#!/usr/bin/env python3
"""Statements that Python forgets: released by weakref.finalize, wherever and
whenever the garbage collector finds them. SQLite itself says at the end that
none is left (sqlite3_next_stmt).
"""

import asyncio
import gc
import subprocess
import sys
import threading
import time
import unittest

from common import (HERE, Knot, RUNAWAY, SELECT, is_running, none_left, rows,
                    run_all, wait_until)
import ferry_sqlite
from ferry_runtime import CloseMode, ClosedError, StaleError
from ferry_sqlite import blocking

THREADS, EACH = 4, 400


class Eager:
    """The collector at every turn, and who ran it."""

    def __enter__(self):
        self.threads = set()
        gc.collect()
        gc.freeze()         # what there is already need not be looked at
        self.before = gc.get_threshold()
        gc.callbacks.append(self.note)
        gc.set_threshold(20, 2, 2)
        return self

    def __exit__(self, *exc):
        gc.set_threshold(*self.before)
        gc.callbacks.remove(self.note)
        gc.unfreeze()

    def note(self, phase, info):
        if phase == "stop" and info["collected"]:
            self.threads.add(threading.get_ident())


def run(statement, i):
    return rows(statement.run(params=[i]))


class Storm(unittest.TestCase):

    def setUp(self):
        self.db = blocking.Database.open(":memory:")
        self.addCleanup(self.db.close, CloseMode.CANCEL)

    def test_statements_lost_in_cycles(self):
        """On every thread, while the same threads use the database."""
        most = 0

        def lose(n):
            nonlocal most
            for i in range(EACH):
                knot = Knot(self.db.prepare(SELECT))
                self.assertEqual(run(knot.statement, i), [(i,)])
                if i % 50 == n:
                    gc.collect()
                most = max(most, self.db.statements())
        with Eager() as eager:
            run_all([lambda n=n: lose(n) for n in range(THREADS)])
        self.assertGreater(len(eager.threads), 1)
        self.assertGreater(most, 1)
        none_left(self, self.db)
        c = self.db.context.counters()
        self.assertEqual((c["ended_error"], c["refused"]), (0, 0))

    def test_against_those_who_close(self):
        """The collector and a call race for the same statement."""
        for i in range(EACH):
            knot = Knot(self.db.prepare(SELECT))
            closing = threading.Thread(
                target=lambda s=knot.statement: s.close())
            closing.start()
            knot.statement.release()
            del knot
            gc.collect(0)
            closing.join()
        del closing
        none_left(self, self.db)

    def test_dropped_after_the_close(self):
        """Their places may be another database's by then."""
        db = blocking.Database.open(":memory:")
        old = [Knot(db.prepare(SELECT)) for _ in range(300)]
        self.assertIsNone(db.close())
        with blocking.Database.open(":memory:") as db:
            kept = [db.prepare(SELECT) for _ in range(300)]
            del old
            gc.collect()
            for i, statement in enumerate(kept):
                self.assertEqual(run(statement, i), [(i,)])
            self.assertEqual(db.statements(), 300)
            del kept, statement
            none_left(self, db)

    def test_closing_in_the_storm(self):
        for _ in range(20):
            db = blocking.Database.open(":memory:")

            def lose():
                try:
                    while True:
                        Knot(db.prepare(SELECT))
                except (ClosedError, StaleError):
                    pass

            def close():
                wait_until(lambda: db.context.counters()["started"] > 100)
                self.assertIsNone(db.close())
            with Eager():
                run_all([lose, lose, gc.collect, close])


class Exit(unittest.TestCase):
    """The interpreter ends, statements still about."""

    START = """
import gc, os, sys, threading, time
sys.path.insert(0, %r)
from common import Knot, RUNAWAY, SELECT, is_running, wait_until
from ferry_runtime import FerryError
from ferry_sqlite import blocking
gc.freeze()
gc.set_threshold(20, 2, 2)
db = blocking.Database.open(":memory:")
knots = [Knot(db.prepare(SELECT)) for _ in range(500)]
def storm():
    while True:
        try:
            Knot(db.prepare(SELECT))
        except FerryError:
            break
""" % HERE

    def ends(self, text, code=0):
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-B", "-c", self.START + text],
                capture_output=True, text=True, timeout=20)
            self.assertEqual((done.stderr, done.stdout, done.returncode),
                             ("", "", code))

    def test_open(self):
        self.ends("")

    def test_closed(self):
        self.ends("db.close()\n")

    def test_closed_by_an_exit_handler(self):
        self.ends("import atexit\natexit.register(db.close)\n")

    def test_forgotten_first(self):
        self.ends("del knots\ngc.collect()\ndb.close()\n")

    def test_a_busy_thread(self):
        self.ends("threading.Thread(target=db.query, args=(RUNAWAY,),\n"
                  "                 daemon=True).start()\n"
                  "wait_until(lambda: is_running(db))\n"
                  "del knots\ngc.collect()\nos._exit(7)\n", 7)

    def test_in_the_storm(self):
        self.ends("for _ in range(3):\n"
                  "    threading.Thread(target=storm, daemon=True).start()\n"
                  "wait_until(lambda: db.context.counters()['started'] > 900)"
                  "\n")


async def none_left_on_a_loop(test, db):
    gc.collect()
    end = time.monotonic() + 10
    while db.context.counters()["handles_open"]:
        test.assertLess(time.monotonic(), end)
        await asyncio.sleep(0.001)
    test.assertEqual(await db.statements(), 0)


class OnALoop(unittest.IsolatedAsyncioTestCase):

    async def cancelled(self, runaway):
        runaway.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await runaway

    async def test_the_collector_does_not_wait(self):
        """SQLite's thread is busy for as long as the storm lasts."""
        async with ferry_sqlite.Database.open(":memory:") as db:
            knots = [Knot(await db.prepare(SELECT)) for _ in range(1000)]
            runaway = db.query(RUNAWAY)
            while not is_running(db):
                await asyncio.sleep(0.001)
            del knots
            run_all([gc.collect] * THREADS)
            # None is finalized yet: nobody has waited for that.
            c = db.context.counters()
            self.assertEqual((c["running"], c["handles_open"]), (1, 1000))
            await self.cancelled(runaway)
            await none_left_on_a_loop(self, db)

    async def test_dropped_while_it_runs(self):
        """What runs keeps its statement until it has run."""
        async with ferry_sqlite.Database.open(":memory:") as db:
            statement = await db.prepare(RUNAWAY)
            runaway = statement.run()
            while not is_running(db):
                await asyncio.sleep(0.001)
            del statement
            gc.collect()
            self.assertEqual(db.context.counters()["handles_open"], 1)
            await self.cancelled(runaway)
            del runaway
            await none_left_on_a_loop(self, db)

    async def test_statements_lost_by_tasks(self):
        """Also those whose task is cancelled before it has its statement."""
        async with ferry_sqlite.Database.open(":memory:") as db:
            async def lose(i):
                knot = Knot(await db.prepare(SELECT))
                got = await knot.statement.run(params=[i])
                self.assertEqual(rows(got), [(i,)])
            with Eager():
                tasks = [asyncio.ensure_future(lose(i)) for i in range(1000)]
                await asyncio.sleep(0)
                for task in tasks[::3]:
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
            for i, result in enumerate(done):
                if i % 3 == 0:
                    self.assertIsInstance(result, asyncio.CancelledError)
                else:
                    self.assertIsNone(result)
            await (await db.prepare(SELECT)).close()
            del done, tasks
            await none_left_on_a_loop(self, db)


if __name__ == "__main__":
    unittest.main(verbosity=2)

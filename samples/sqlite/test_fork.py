#!/usr/bin/env python3
"""Forked children: what the parent had opened raises ForkedError and is left
alone, the child opens databases of its own, and the parent's loop does not
notice.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import unittest
import unittest.mock
import warnings

from common import Knot, SELECT, none_left, rows, run_all, wait_until
import ferry_sqlite
from ferry_runtime import ForkedError
from ferry_sqlite import blocking

WELL = 42
LIMIT = 20      # seconds a child may take

# Python 3.12 and later warn of any fork beside other threads.
warnings.filterwarnings("ignore", category=DeprecationWarning)


def at_rest(db):
    """SQLite has locks of its own, and a child inherits them as they are."""
    def ended():
        c = db.context.counters()
        return c["queued"] + c["running"] == 0
    wait_until(ended)


def square(n):
    """In a child: by a database of its own."""
    with blocking.Database.open(":memory:") as db:
        return rows(db.query("SELECT ? * ?", params=[n, n]))[0][0]


async def square_on_a_loop(n):
    async with ferry_sqlite.Database.open(":memory:") as db:
        got = await asyncio.gather(
            *(db.query("SELECT ? * ?", params=[i, i])
              for i in range(n)))
    return [rows(each)[0][0] for each in got]


class Fork(unittest.TestCase):

    def in_child(self, content):
        """Runs it in a child of os.fork(), which must be content."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT)
            try:
                content()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(WELL)
        self.assertEqual(
            os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), WELL)

    def test_what_the_parent_opened(self):
        with blocking.Database.open(":memory:") as db:
            statement = db.prepare("SELECT 1")
            at_rest(db)

            def child():
                for call in (lambda: db.query("SELECT 1"), statement.run,
                             db.context.counters, db.statements):
                    with self.assertRaises(ForkedError):
                        call()
                statement.release()
                self.assertIsNone(db.close())       # nothing to close here
                self.assertEqual(square(12), 144)
            self.in_child(child)
            self.assertEqual(rows(statement.run()), [(1,)])

    def test_a_child_of_the_storm(self):
        """It inherits statements, whose finalizers do nothing there."""
        with blocking.Database.open(":memory:") as db:
            knots = [Knot(db.prepare(SELECT)) for _ in range(300)]
            at_rest(db)

            def child():
                nonlocal knots
                del knots
                gc.collect()            # the child's first call into Ferry
                with blocking.Database.open(":memory:") as own:
                    knots = [Knot(own.prepare(SELECT)) for _ in range(300)]
                    self.assertEqual(own.statements(), 300)
                    del knots
                    none_left(self, own)
            self.in_child(child)
            self.assertEqual(db.statements(), 300)
            del knots
            none_left(self, db)

    def test_a_child_leaves_the_block_that_it_was_forked_in(self):
        with blocking.Database.open(":memory:") as db:
            db.execute("CREATE TABLE t(x)")
            at_rest(db)
            child = os.fork()
        if child == 0:
            os._exit(WELL)
        self.assertEqual(
            os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), WELL)

    def test_forgotten_in_the_child(self):
        db = blocking.Database.open(":memory:")
        at_rest(db)

        def child():
            nonlocal db
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with unittest.mock.patch("sys.unraisablehook") as hook:
                    del db
                    hook.assert_not_called()
        self.in_child(child)
        db.close()

    def test_pools(self):
        with blocking.Database.open(":memory:") as db:
            at_rest(db)
            with multiprocessing.get_context("fork").Pool(3) as pool:
                self.assertEqual(pool.map(square, range(20)),
                                 [n * n for n in range(20)])
            self.assertEqual(rows(db.query("SELECT 5")), [(5,)])

    def test_threads_of_a_child(self):
        with blocking.Database.open(":memory:") as db:
            at_rest(db)

            def child():
                answers = []
                run_all([lambda n=n: answers.append(square(n))
                         for n in range(4)])
                self.assertEqual(sorted(answers), [0, 1, 4, 9])
            self.in_child(child)


class OnALoop(unittest.IsolatedAsyncioTestCase):

    in_child = Fork.in_child

    async def test_replies_on_their_way(self):
        """They have been posted when the child begins, and the parent has not
        taken them yet."""
        async with ferry_sqlite.Database.open(":memory:") as db:
            requests = [db.query(SELECT, params=[i])
                        for i in range(100)]
            at_rest(db)

            def child():
                async def touch():
                    with self.assertRaises(ForkedError):
                        await db.query("SELECT 1")
                requests[0].cancel()
                asyncio.set_event_loop(None)
                asyncio._set_running_loop(None)
                asyncio.run(touch())
                self.assertEqual(asyncio.run(square_on_a_loop(10)),
                                 [n * n for n in range(10)])
            self.in_child(child)
            got = await asyncio.wait_for(asyncio.gather(*requests), 10)
            self.assertEqual([rows(each) for each in got],
                             [[(i,)] for i in range(100)])
            # The loop still hears.
            got = await asyncio.wait_for(db.query("SELECT 1"), 10)
            self.assertEqual(rows(got), [(1,)])


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""SQLite from Python: blocking calls, asyncio under backpressure, cancel, events,
notices, leaks.
"""

import asyncio
import concurrent.futures
import datetime
import gc
import os
import random
import resource
import tempfile
import time
import unittest

from common import RUNAWAY, is_running, none_left, rows, run_all
import ferry_runtime
import ferry_sqlite
from ferry_runtime import OpenOptions
from ferry_sqlite import Operation, blocking


def memory():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


class Blocking(unittest.TestCase):

    def setUp(self):
        self.db = blocking.Database.open(":memory:")
        self.addCleanup(self.db.close)

    def ask(self, sql, params=(), **how):
        return rows(self.db.query(sql, params=params, **how))

    def test_values_come_back_as_they_went(self):
        plain = (None, 0, -1, 2 ** 63 - 1, -2 ** 63, 0.1, float("inf"), "",
                 "Grüße\0\U0001f6a2", "\udcff", b"", b"\0\xff", True)
        got = self.ask("SELECT " + ", ".join("?" * len(plain)), plain)
        self.assertEqual(got, [plain])
        self.assertEqual([type(v) for v in got[0][:-1]],
                         [type(v) for v in plain[:-1]])

    def test_rows_columns_changes(self):
        done = self.db.execute(
            "CREATE TABLE t(x, y); INSERT INTO t VALUES(1, 'a'), (2, 'b')")
        self.assertEqual((done.changes, done.last_rowid), (2, 2))
        got = self.db.query("SELECT x AS eins, y AS zwei FROM t ORDER BY x")
        self.assertEqual(got.columns, ["eins", "zwei"])
        self.assertEqual(rows(got), [(1, "a"), (2, "b")])
        got = self.db.query("SELECT x FROM t WHERE 0")
        self.assertEqual((rows(got), got.columns), ([], ["x"]))
        got = self.db.query("DELETE FROM t WHERE x = ?", params=[1])
        self.assertEqual((got.cells, got.columns, got.changes), ([], [], 1))

    def test_errors_have_types(self):
        with self.assertRaises(ferry_sqlite.Error) as caught:
            self.db.query("SELECT nowhere")
        self.assertEqual(caught.exception.code, 1)
        self.assertEqual(str(caught.exception), "no such column: nowhere")
        self.db.execute("CREATE TABLE t(x UNIQUE)")
        with self.assertRaisesRegex(ferry_sqlite.Constraint, r" \(2067\)$"):
            self.db.execute("INSERT INTO t VALUES(1), (1)")
        with self.assertRaises(ferry_sqlite.Range):
            self.db.query("SELECT ?")
        with self.assertRaisesRegex(ferry_sqlite.Error, "more than one"):
            self.db.query("SELECT 1; SELECT 2")
        with self.assertRaisesRegex(ferry_sqlite.Error, "no statement"):
            self.db.query(" -- nothing")
        with self.assertRaises(ValueError):
            self.db.query("SELECT 1\0")

    def test_what_cannot_be_opened(self):
        with self.assertRaisesRegex(
                ferry_sqlite.CannotOpen, "^unable to open database file"):
            blocking.Database.open("/nowhere/at/all")
        # SQLite's own words, which no code has.
        with tempfile.NamedTemporaryFile() as f:
            with blocking.Database.open(f.name) as db:
                db.execute("CREATE TABLE t(a); PRAGMA writable_schema = 1;"
                           "UPDATE sqlite_schema SET sql = 'CREATE nonsense'")
            with self.assertRaisesRegex(
                    ferry_sqlite.Corrupt, 'near "nonsense": syntax error'):
                blocking.Database.open(f.name)
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"This is no database. " * 50)
            f.flush()
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                with self.assertRaisesRegex(
                        ferry_sqlite.NotADatabase, "not a database"):
                    blocking.Database.open(f.name)
            # What had been opened of it is closed.
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_payload_over_the_bound(self):
        with blocking.Database.open(
                ":memory:", options=OpenOptions(payload_max=1000)) as db:
            with self.assertRaises(ferry_runtime.TooBigError):
                db.query("SELECT ?", params=["x" * 1000])
            self.assertEqual(rows(db.query("SELECT 1")), [(1,)])

    def test_a_result_over_the_bound(self):
        with blocking.Database.open(":memory:", result_max=100000) as db:
            db.execute("CREATE TABLE t(x)")
            with self.assertRaises(ferry_sqlite.TooBig):
                db.query("SELECT zeroblob(100000)")
            with self.assertRaises(ferry_sqlite.TooBig):
                db.query("INSERT INTO t VALUES(zeroblob(100000)) RETURNING x")
            self.assertEqual(rows(db.query("SELECT count(*) FROM t")), [(0,)])

    def test_a_transaction_ends_with_its_call(self):
        self.db.execute("CREATE TABLE t(x UNIQUE)")
        for ask in (self.db.execute, self.db.query):
            with self.assertRaisesRegex(ferry_sqlite.Error, "rolled back"):
                ask("BEGIN")
        with self.assertRaisesRegex(ferry_sqlite.Error, "rolled back"):
            self.db.execute("BEGIN; INSERT INTO t VALUES(1)")
        with self.assertRaises(ferry_sqlite.Constraint):
            self.db.execute("BEGIN; INSERT INTO t VALUES(1);"
                            "INSERT INTO t VALUES(1); COMMIT")
        self.assertEqual(self.ask("SELECT count(*) FROM t"), [(0,)])
        self.db.execute("BEGIN; INSERT INTO t VALUES(1); COMMIT")
        self.assertEqual(self.ask("SELECT count(*) FROM t"), [(1,)])

    def test_statements(self):
        db = self.db
        db.execute("CREATE TABLE t(x UNIQUE)")
        insert = db.prepare("INSERT INTO t VALUES(?)")
        about = insert.about()
        self.assertEqual((about.n_params, about.n_columns, about.readonly),
                         (1, 0, False))
        done = insert.run(params=range(1000), n_sets=1000)
        self.assertEqual(done.changes, 1000)
        with self.assertRaises(ferry_sqlite.Constraint):
            insert.run(params=[5000, 0], n_sets=2)
        self.assertEqual(self.ask("SELECT count(*) FROM t"), [(1000,)])
        for n in (0, 2, 4):
            with self.assertRaises(ferry_sqlite.Range):
                insert.run(params=[1, 2, 3], n_sets=n)
        self.assertEqual(db.statements(), 1)
        insert.close()
        insert.close()
        self.assertEqual(db.statements(), 0)
        with self.assertRaises(ferry_runtime.FerryError):
            insert.run(params=[1])

    def test_a_statement_that_is_gone_is_finalized(self):
        def prepare_and_forget():
            for _ in range(10):
                self.db.prepare("SELECT 1")
            gc.collect()
        run_all([prepare_and_forget])
        none_left(self, self.db)

    def test_threads_share_a_database(self):
        def ask(n):
            for i in range(300):
                self.assertEqual(self.ask("SELECT ?", [n * i]), [(n * i,)])
        run_all([lambda n=n: ask(n) for n in range(4)])

    def timed_out(self, call, sql):
        """By a timeout that did not find it in the queue, where it would
        never begin."""
        timeout = 0.05
        before = now = self.db.context.counters()["started"]
        while now == before:
            with self.assertRaises(TimeoutError):
                call(sql, timeout=timeout)
            timeout *= 2
            now = self.db.context.counters()["started"]

    def test_a_timeout_cancels(self):
        self.timed_out(self.db.query, RUNAWAY)
        self.assertEqual(self.ask("SELECT 1"), [(1,)])
        self.assertEqual(self.db.context.counters()["ended_canceled"], 1)

    def test_a_timeout_takes_back_what_was_written(self):
        self.db.execute("CREATE TABLE t(x)")
        self.timed_out(
            self.db.execute,
            "BEGIN; INSERT INTO t VALUES(1); %s; COMMIT" % RUNAWAY)
        self.assertEqual(self.ask("SELECT count(*) FROM t"), [(0,)])

    def test_another_connection_has_a_lock(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "db")
            with blocking.Database.open(path) as db:
                db.execute("CREATE TABLE t(x)")
            with blocking.Database.open(path) as db, blocking.Database.open(
                    path, busy=datetime.timedelta(milliseconds=20)) as other:
                changes = db.on_row_changed()
                holding = db.futures.execute(
                    "BEGIN; INSERT INTO t VALUES(2); " + RUNAWAY)
                next(changes)       # who has written has the lock
                with self.assertRaises(ferry_sqlite.Busy):
                    other.execute("INSERT INTO t VALUES(1)")
                self.assertTrue(holding.cancel())
                # In order: when it has ended.
                self.assertEqual(db.statements(), 0)
                other.execute("INSERT INTO t VALUES(1)")
                self.assertEqual(rows(db.query("SELECT x FROM t")), [(1,)])

    def test_waiting_and_cancel(self):
        runaway = self.db.futures.query(RUNAWAY)
        late = self.db.futures.execute("SELECT 1", timeout=0.02)
        with self.assertRaises(concurrent.futures.TimeoutError):
            runaway.result(0.05)
        self.assertTrue(runaway.cancel())
        with self.assertRaises(concurrent.futures.CancelledError):
            runaway.result()
        with self.assertRaises(TimeoutError):
            late.result()       # has never begun
        self.assertEqual(self.ask("SELECT 1"), [(1,)])

    def test_closed(self):
        with blocking.Database.open(":memory:") as db:
            pass
        with self.assertRaises((ferry_runtime.StaleError,
                                ferry_runtime.ClosedError)):
            db.query("SELECT 1")
        self.assertIsNone(db.close())

    def test_replies_are_given_back(self):
        blob = "SELECT zeroblob(100000)"
        for _ in range(50):
            self.db.query(blob)
        before = memory()
        for _ in range(1500):       # 150 MB in all
            self.db.query(blob)
        self.assertLess(memory() - before, 30e6)


class Async(unittest.IsolatedAsyncioTestCase):

    async def asyncSetUp(self):
        await self.open()

    async def open(self, **how):
        self.db = await ferry_sqlite.Database.open(
            ":memory:", options=OpenOptions(**how))

    async def asyncTearDown(self):
        # A test that failed may have left something that never ends.
        await self.db.close(ferry_runtime.CloseMode.CANCEL)

    def ask(self, i, db=None):
        return (db or self.db).query("SELECT ?", params=[i])

    async def running(self):
        while not is_running(self.db):
            await asyncio.sleep(0.001)

    async def test_many_at_once(self):
        answers = await asyncio.gather(*map(self.ask, range(1000)))
        self.assertEqual([rows(a) for a in answers],
                         [[(i,)] for i in range(1000)])

    async def test_errors(self):
        with self.assertRaises(ferry_sqlite.Error):
            await self.db.execute("SELEKT")

    async def test_statements(self):
        await self.db.execute("CREATE TABLE t(x)")
        insert = await self.db.prepare("INSERT INTO t VALUES(?)")
        await insert.run(params=range(10), n_sets=10)
        await insert.run(params=[90])
        got = await self.db.query("SELECT sum(x) FROM t")
        self.assertEqual(rows(got), [(135,)])
        async with await self.db.prepare("SELECT 1"):
            self.assertEqual(await self.db.statements(), 2)
        del insert
        gc.collect()
        while self.db.context.counters()["handles_open"]:
            await asyncio.sleep(0.001)
        self.assertEqual(await self.db.statements(), 0)

    async def test_backpressure(self):
        """Far more at once than there is room for: none is refused or lost,
        and they stay in order."""
        await self.asyncTearDown()
        await self.open(depth=16)
        await self.db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
        insert = await self.db.prepare("INSERT INTO t(x) VALUES(?)")
        requests = [insert.run(params=[i]) for i in range(3000)]
        dropped = requests[2000:2100]
        for request in dropped:
            request.cancel()            # has not even been submitted
        answers = await asyncio.gather(*requests, return_exceptions=True)
        self.assertEqual(sum(isinstance(a, ferry_sqlite.Rows)
                             for a in answers), 2900)
        self.assertTrue(all(request.cancelled() for request in dropped))
        got = await self.db.query("SELECT x FROM t ORDER BY id")
        self.assertEqual([x for x, in rows(got)],
                         [*range(2000), *range(2100, 3000)])
        c = self.db.context.counters()
        self.assertEqual(c["submitted"], c["refused"] + c["started"])
        self.assertEqual(c["ended_ok"], 2900 + 3)

    async def test_cancel_a_request(self):
        running = self.db.query(RUNAWAY)
        queued = self.ask(1)
        await self.running()
        queued.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await queued                # while the other still runs
        self.assertFalse(running.done())
        running.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await running
        self.assertEqual(rows(await self.ask(1)), [(1,)])

    async def test_cancel_a_task(self):
        async def ask():
            return await self.db.query(RUNAWAY)
        task = asyncio.ensure_future(ask())
        await self.running()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(rows(await self.ask(1)), [(1,)])
        self.assertEqual(self.db.context.counters()["ended_canceled"], 1)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(ask(), 0.05)
        self.assertEqual(rows(await self.ask(1)), [(1,)])

    async def test_a_cancel_that_comes_late_hits_nobody_else(self):
        """At any moment of a short call, also when it has just ended."""
        chance = random.Random(1)
        for i in range(1500):
            short = self.ask(i)
            end = time.perf_counter() + chance.random() * 1e-4
            while time.perf_counter() < end:
                pass
            short.cancel()
            self.assertEqual(rows(await self.ask(-i)), [(-i,)])

    async def test_a_statement_nobody_waits_for_is_finalized(self):
        running = self.db.query(RUNAWAY)
        await self.running()
        preparing = self.db.prepare("SELECT 1")
        preparing.cancel()
        running.cancel()
        for _ in range(50):
            self.db.prepare("SELECT 1").cancel()
        await self.ask(1)
        while self.db.context.counters()["handles_open"]:
            await asyncio.sleep(0.001)
        self.assertEqual(await self.db.statements(), 0)

    async def test_events(self):
        changes = self.db.on_row_changed()
        await self.db.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1);"
                              "UPDATE t SET x = 2; DELETE FROM t WHERE x=2")
        for operation in (Operation.INSERTED, Operation.UPDATED,
                          Operation.DELETED):
            change = await asyncio.wait_for(changes.__anext__(), 5)
            self.assertEqual(change, (operation, "main", "t", 1))
        changes.close()
        self.assertEqual([c async for c in changes], [])

    async def test_a_slow_reader_of_events_loses_the_oldest(self):
        stream = self.db.on_row_changed(capacity=8)
        await self.db.execute("CREATE TABLE t(x)")
        for _ in range(30):
            await self.db.execute("INSERT INTO t VALUES(1)")
        # Until all have come, so that none comes while it reads.
        while self.db.context.counters()["events_delivered"] < 30:
            await asyncio.sleep(0.001)
        got = [(await asyncio.wait_for(stream.__anext__(), 5)).rowid]
        while got[-1] != 30:
            got.append((await asyncio.wait_for(stream.__anext__(), 5)).rowid)
        self.assertEqual(stream.dropped, 30 - len(got))
        self.assertGreater(stream.dropped, 0)
        self.assertEqual(got, [*range(31 - len(got), 31)])
        stream.close()

    async def test_notices(self):
        await self.asyncTearDown()
        await self.open(slow_ms=50, stalled_ms=100, wedged_ms=200)
        notices = self.db.context.notices()
        runaway = self.db.query(RUNAWAY)
        notice = await asyncio.wait_for(notices.__anext__(), 10)
        # Says of a busy machine that it is one, before anything else.
        while notice.kind == "overloaded":
            notice = await asyncio.wait_for(notices.__anext__(), 10)
        self.assertEqual((notice.kind, notice.method),
                         ("not_responding", "database.query"))
        runaway.cancel()
        while notice.kind != "responding":
            notice = await asyncio.wait_for(notices.__anext__(), 10)
        self.assertGreaterEqual(notice.seconds, 0.1)
        notices.close()

    async def test_two_loops_one_database(self):
        async def other():
            return await asyncio.gather(*(self.ask(-i) for i in range(500)))
        loop = asyncio.get_running_loop()
        theirs = loop.run_in_executor(None, asyncio.run, other())
        ours = await asyncio.gather(*map(self.ask, range(500)))
        self.assertEqual([rows(a) for a in ours],
                         [[(i,)] for i in range(500)])
        self.assertEqual([rows(a) for a in await theirs],
                         [[(-i,)] for i in range(500)])

    async def test_closing_the_database_ends_everything(self):
        changes = self.db.on_row_changed()
        runaway = self.db.query(RUNAWAY)
        queued = self.ask(1)
        await self.running()
        await self.db.close(ferry_runtime.CloseMode.CANCEL)
        for request in (queued, runaway):
            with self.assertRaises((ferry_runtime.ClosedError,
                                    ferry_runtime.CanceledError)):
                await request
        self.assertEqual([c async for c in changes], [])
        with self.assertRaises(ferry_runtime.FerryError):
            await self.ask(1)

    async def test_replies_are_given_back(self):
        async def ask(n):
            for _ in range(n):
                await self.db.query("SELECT zeroblob(100000)")
        await asyncio.gather(*(ask(5) for _ in range(10)))
        before = memory()
        await asyncio.gather(*(ask(150) for _ in range(10)))
        self.assertLess(memory() - before, 30e6)


if __name__ == "__main__":
    unittest.main(verbosity=2)

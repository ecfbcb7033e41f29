#!/usr/bin/env python3
"""The binding and the SQLite wrapper from Python: blocking calls and Ctrl-C,
asyncio on an inbox under backpressure, cancel, events, notices, leaks.
"""

import asyncio
import gc
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True

import ferry                # noqa: E402
import ferry_sqlite         # noqa: E402

RUNAWAY = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
           "SELECT count(*) FROM c")
COUNT_TO = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c "
            "LIMIT ?) SELECT count(*) FROM c")


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not within %g s" % seconds
        time.sleep(0.001)


def memory():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


class Blocking(unittest.TestCase):

    def setUp(self):
        self.db = ferry_sqlite.open(":memory:")
        self.addCleanup(self.db.close)

    def test_values_come_back_as_they_went(self):
        values = (None, 0, -1, 2 ** 63 - 1, -2 ** 63, 0.1, float("inf"), "",
                  "Grüße\0\U0001f6a2", "\udcff", b"", b"\0\xff", True)
        rows = self.db.query("SELECT " + ", ".join("?" * len(values)), values)
        self.assertEqual(rows[0], values)
        self.assertEqual([type(v) for v in rows[0][:-1]],
                         [type(v) for v in values[:-1]])

    def test_rows_columns_changes(self):
        done = self.db.execute(
            "CREATE TABLE t(x, y); INSERT INTO t VALUES(1, 'a'), (2, 'b')")
        self.assertEqual((done.changes, done.last_rowid), (2, 2))
        rows = self.db.query("SELECT x AS eins, y AS zwei FROM t ORDER BY x")
        self.assertEqual(rows.columns, ["eins", "zwei"])
        self.assertEqual(rows, [(1, "a"), (2, "b")])
        rows = self.db.query("SELECT x FROM t WHERE 0")
        self.assertEqual((rows, rows.columns), ([], ["x"]))
        rows = self.db.query("DELETE FROM t WHERE x = ?", [1])
        self.assertEqual((rows, rows.columns, rows.changes), ([], [], 1))

    def test_errors_have_types(self):
        with self.assertRaises(ferry_sqlite.SqliteError) as caught:
            self.db.query("SELECT nowhere")
        self.assertEqual(caught.exception.code, 1)
        self.assertEqual(str(caught.exception), "no such column: nowhere")
        self.db.execute("CREATE TABLE t(x UNIQUE)")
        with self.assertRaises(ferry_sqlite.SqliteError) as caught:
            self.db.execute("INSERT INTO t VALUES(1), (1)")
        self.assertEqual(caught.exception.primary, 19)
        with self.assertRaises(ferry.NoMethodError):
            self.db.invoke(99)
        with self.assertRaises(ferry.FerryError) as caught:
            ferry.raise_for(*self.db.invoke(ferry_sqlite.QUERY, b"short"))
        self.assertEqual(caught.exception.name, "FERRY_EINVAL")
        with self.assertRaises(ferry.FerryError):
            ferry_sqlite.open("/nowhere/at/all")
        self.assertEqual(self.db.method("run"), ferry_sqlite.RUN)

    def test_a_payload_over_the_bound(self):
        with ferry_sqlite.open(":memory:", payload_max=1000) as db:
            with self.assertRaises(ferry.TooBigError):
                db.query("SELECT ?", ["x" * 1000])
            self.assertEqual(db.query("SELECT 1"), [(1,)])

    def test_statements(self):
        db = self.db
        db.execute("CREATE TABLE t(x UNIQUE)")
        insert = db.prepare("INSERT INTO t VALUES(?)")
        self.assertEqual((insert.n_params, insert.readonly), (1, False))
        done = db.run_many(insert, [(i,) for i in range(1000)])
        self.assertEqual(done.changes, 1000)
        with self.assertRaises(ferry_sqlite.SqliteError):
            db.run_many(insert, [(5000,), (0,)])
        self.assertEqual(db.query("SELECT count(*) FROM t"), [(1000,)])
        with ferry_sqlite.open(":memory:") as other:
            with self.assertRaises(ferry.ForeignError):
                other.run(insert, [1])
        insert.release()
        insert.release()
        with self.assertRaises(ferry.StaleError):
            db.run(insert, [1])

    def test_a_statement_that_is_gone_is_finalized(self):
        def prepare_and_forget():
            for _ in range(10):
                self.db.prepare("SELECT 1")
            gc.collect()
        thread = threading.Thread(target=prepare_and_forget)
        thread.start()
        thread.join()
        wait_until(lambda: self.db.counters().handles_open == 0)

    def test_threads_share_a_database(self):
        wrong = []

        def ask(n):
            for i in range(300):
                if self.db.query("SELECT ?", [n * i]) != [(n * i,)]:
                    wrong.append((n, i))
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_timeout_cancels(self):
        with self.assertRaises(TimeoutError):
            self.db.query(RUNAWAY, timeout=0.05)
        self.assertEqual(self.db.query("SELECT 1"), [(1,)])
        self.assertEqual(self.db.counters().ended_canceled, 1)

    def test_waiting_and_cancel(self):
        waiting = self.db.start(ferry_sqlite.QUERY,
                                ferry_sqlite.pack(RUNAWAY))
        with self.assertRaises(ferry.TimedOutError):
            waiting.wait(0.02)
        self.assertTrue(waiting.cancel())
        status, _ = waiting.wait()
        with self.assertRaises(ferry.CanceledError):
            ferry.raise_for(status, b"")
        with self.assertRaises(ferry.FerryError):
            waiting.wait()

    def test_a_deadline_that_has_passed(self):
        running = self.db.start(ferry_sqlite.QUERY,
                                ferry_sqlite.pack(RUNAWAY))
        late = self.db.start(ferry_sqlite.EXECUTE, b"SELECT 1",
                             deadline_ns=ferry.deadline_in(0.02))
        time.sleep(0.05)
        running.cancel()
        with self.assertRaises(ferry.DeadlineError):
            ferry.raise_for(*late.wait())
        running.wait()

    def test_closed(self):
        with ferry_sqlite.open(":memory:") as db:
            pass
        with self.assertRaises((ferry.StaleError, ferry.ClosedError)):
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


class Signals(unittest.TestCase):
    """Ctrl-C reaches a thread that is blocked in a call."""

    def script(self, text):
        return subprocess.Popen(
            [sys.executable, "-B", "-c",
             "import sys; sys.path.insert(0, %r)\n"
             "import ferry, ferry_sqlite\n"
             "RUNAWAY = %r\n" % (os.path.dirname(
                 os.path.abspath(__file__)), RUNAWAY) + text],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_ctrl_c_ends_a_blocked_call(self):
        child = self.script(
            "db = ferry_sqlite.open(':memory:')\n"
            "print('ready', flush=True)\n"
            "try:\n"
            "    db.query(RUNAWAY)\n"
            "except KeyboardInterrupt:\n"
            "    print('interrupted', db.query('SELECT 5'), flush=True)\n"
            "c = db.counters()\n"
            "print(c.ended_canceled, c.running, c.queued)\n"
            "db.close()\n")
        self.assertEqual(child.stdout.readline(), "ready\n")
        time.sleep(0.3)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.stdout.readline(), "interrupted [(5,)]\n")
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual(child.stdout.read(), "1 0 0\n")
        _, err = child.communicate(timeout=10)
        self.assertEqual((err, child.returncode), ("", 0))

    def test_ctrl_c_that_nobody_catches(self):
        child = self.script(
            "db = ferry_sqlite.open(':memory:')\n"
            "print('ready', flush=True)\n"
            "db.query(RUNAWAY)\n")
        child.stdout.readline()
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
        self.assertEqual(child.returncode, -signal.SIGINT)
        self.assertTrue(err.rstrip().endswith("KeyboardInterrupt"), err)

    def test_ctrl_c_at_any_moment(self):
        with ferry_sqlite.open(":memory:") as db:
            for i in range(40):
                go = threading.Event()
                killer = threading.Thread(target=self.kill_later, args=(
                    go, random.Random(i).random() * (0.02 if i % 2 else 3e-4)))
                killer.start()
                with self.assertRaises(KeyboardInterrupt):
                    go.set()
                    db.query(RUNAWAY)
                killer.join()
                self.assertEqual(db.query("SELECT ?", [i]), [(i,)])
            c = db.counters()
            self.assertEqual((c.queued, c.running), (0, 0))

    @staticmethod
    def kill_later(go, delay):
        go.wait()
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGINT)

    def test_a_handler_that_returns_does_not_end_the_wait(self):
        seen = []
        old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
        try:
            with ferry_sqlite.open(":memory:") as db:
                timer = threading.Timer(0.01, os.kill,
                                        (os.getpid(), signal.SIGUSR1))
                timer.start()
                self.assertEqual(db.query(COUNT_TO, [1000000]), [(1000000,)])
                timer.join()
        finally:
            signal.signal(signal.SIGUSR1, old)
        self.assertEqual(seen, [1])

    def test_leaving_while_a_query_runs(self):
        child = self.script(
            "db = ferry_sqlite.open(':memory:')\n"
            "db.start(ferry_sqlite.QUERY, ferry_sqlite.pack(RUNAWAY))\n"
            "print('left')\n")
        out, _ = child.communicate(timeout=15)
        self.assertEqual((out, child.returncode), ("left\n", 0))


class Async(unittest.IsolatedAsyncioTestCase):

    async def asyncSetUp(self):
        await self.open()

    async def open(self, **how):
        """A database attached to an inbox of this loop."""
        self.db = ferry_sqlite.open(":memory:", **how)
        self.inbox = ferry.Inbox()
        self.adb = ferry_sqlite.AsyncDatabase(
            self.db, self.inbox, events=True, liveness=True)

    async def asyncTearDown(self):
        self.inbox.close()
        await self.db.aclose()

    async def running(self, request):
        while self.db.health().request != request.token:
            await asyncio.sleep(0.001)

    async def test_many_at_once(self):
        requests = [self.adb.query("SELECT ?", [i]) for i in range(1000)]
        answers = await asyncio.gather(*requests)
        self.assertEqual(answers, [[(i,)] for i in range(1000)])
        self.assertEqual(self.inbox.replies, 1000)

    async def test_errors(self):
        with self.assertRaises(ferry_sqlite.SqliteError):
            await self.adb.execute("SELEKT")
        with self.assertRaises(ferry.NoMethodError):
            self.inbox.submit(self.db, 99)
        with ferry_sqlite.open(":memory:") as other:
            with self.assertRaises(ferry.FerryError) as caught:
                self.inbox.submit(other, ferry_sqlite.EXECUTE)
            self.assertEqual(caught.exception.name, "FERRY_EDETACHED")

    async def test_statements(self):
        await self.adb.execute("CREATE TABLE t(x)")
        insert = await self.adb.prepare("INSERT INTO t VALUES(?)")
        await self.adb.run_many(insert, [[i] for i in range(10)])
        await self.adb.run(insert, [90])
        self.assertEqual(await self.adb.query("SELECT sum(x) FROM t"),
                         [(135,)])
        del insert
        gc.collect()
        while self.db.counters().handles_open:
            await asyncio.sleep(0.001)

    async def test_backpressure(self):
        """Far more at once than there is room for: none is refused or lost,
        and they stay in order."""
        await self.asyncTearDown()
        await self.open(depth=16)
        await self.adb.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
        insert = await self.adb.prepare("INSERT INTO t(x) VALUES(?)")
        requests = [self.adb.run(insert, [i]) for i in range(3000)]
        dropped = requests[2000:2100]
        for request in dropped:
            request.cancel()            # has not even been submitted
        answers = await asyncio.gather(*requests, return_exceptions=True)
        for request in dropped:
            with self.assertRaises(ferry.CanceledError):
                await request
        self.assertEqual(sum(isinstance(a, ferry_sqlite.Rows)
                             for a in answers), 2900)
        rows = await self.adb.query("SELECT x FROM t ORDER BY id")
        self.assertEqual([x for x, in rows],
                         [*range(2000), *range(2100, 3000)])
        self.assertGreater(
            self.inbox._attached[self.db.token].writable, 100)
        c = self.db.counters()
        self.assertEqual(c.submitted, c.refused + c.started)
        self.assertEqual(c.ended_ok, 2900 + 3)

    async def test_cancel_a_request(self):
        running = self.adb.query(RUNAWAY)
        queued = self.adb.query("SELECT 1")
        await self.running(running)
        queued.cancel()
        with self.assertRaises(ferry.CanceledError):
            await queued                # while the other still runs
        self.assertFalse(running.done())
        running.cancel()
        with self.assertRaises(ferry.CanceledError):
            await running
        self.assertEqual(await self.adb.query("SELECT 1"), [(1,)])

    async def test_cancel_a_task(self):
        async def ask():
            return await self.adb.query(RUNAWAY)
        task = asyncio.ensure_future(ask())
        await asyncio.sleep(0.05)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(await self.adb.query("SELECT 1"), [(1,)])
        self.assertEqual(self.db.counters().ended_canceled, 1)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(ask(), 0.05)
        self.assertEqual(await self.adb.query("SELECT 1"), [(1,)])

    async def test_a_statement_nobody_waits_for_is_finalized(self):
        running = self.adb.query(RUNAWAY)
        await self.running(running)

        async def prepare():
            await self.adb.prepare("SELECT 1")
        task = asyncio.ensure_future(prepare())
        await asyncio.sleep(0)
        # As if the cancel of the request came too late to do anything.
        with mock.patch.object(ferry.lib, "request_cancel") as cancel:
            task.cancel()
            await asyncio.sleep(0)
            cancel.assert_called_once()
        running.cancel()
        with self.assertRaises(ferry.CanceledError):
            await running
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.adb.query("SELECT 1")
        while self.db.counters().handles_open:
            await asyncio.sleep(0.001)
        self.assertEqual(self.db.counters().ended_ok, 2)

    async def test_events(self):
        changes = self.adb.changes()
        await self.adb.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1);"
                               "UPDATE t SET x = 2; DELETE FROM t WHERE x=2")
        for operation in ("INSERT", "UPDATE", "DELETE"):
            change = await asyncio.wait_for(changes.__anext__(), 5)
            self.assertEqual((change.operation, change.database, change.table,
                              change.rowid, change.dropped),
                             (operation, "main", "t", 1, 0))
        changes.close()
        self.assertEqual([c async for c in changes], [])

    async def test_a_slow_reader_of_events_loses_the_oldest(self):
        stream = self.inbox.events(self.db, capacity=10,
                                   decode=ferry_sqlite.RowChange)
        await self.adb.execute("CREATE TABLE t(x)")
        for _ in range(30):
            await self.adb.execute("INSERT INTO t VALUES(1)")
        wanted = time.monotonic() + 5
        while stream.dropped < 20 and time.monotonic() < wanted:
            await asyncio.sleep(0.001)
        self.assertEqual(stream.dropped, 20)
        stream.close()
        self.assertEqual([c.rowid async for c in stream], [*range(21, 31)])

    async def test_notices(self):
        await self.asyncTearDown()
        await self.open(levels=(50, 100, 200, ferry.OFF))
        notices = self.adb.notices()
        runaway = self.adb.query(RUNAWAY)
        notice = await asyncio.wait_for(notices.__anext__(), 10)
        self.assertEqual((notice.kind, notice.request, notice.method),
                         (ferry.KIND_NOT_RESPONDING, runaway.token, "query"))
        self.assertIn("not responding", str(notice))
        runaway.cancel()
        with self.assertRaises(ferry.CanceledError):
            await runaway
        notice = await asyncio.wait_for(notices.__anext__(), 10)
        self.assertEqual(notice.kind, ferry.KIND_RESPONDING)
        self.assertGreaterEqual(notice.age_ns, 100e6)
        self.assertIn("responding again", str(notice))

    async def test_stale_notices(self):
        notices = self.adb.notices()
        runaway = self.adb.query(RUNAWAY, stale_ms=20)
        for _ in range(3):
            notice = await asyncio.wait_for(notices.__anext__(), 10)
            self.assertEqual((notice.kind, notice.request),
                             (ferry.KIND_STALE, runaway.token))
        runaway.cancel()
        with self.assertRaises(ferry.CanceledError):
            await runaway

    async def test_two_loops_one_database(self):
        async def other():
            async with ferry.Inbox() as inbox:
                adb = ferry_sqlite.AsyncDatabase(self.db, inbox)
                return await asyncio.gather(
                    *(adb.query("SELECT ?", [-i]) for i in range(500)))
        loop = asyncio.get_running_loop()
        theirs = loop.run_in_executor(None, asyncio.run, other())
        ours = await asyncio.gather(
            *(self.adb.query("SELECT ?", [i]) for i in range(500)))
        self.assertEqual(ours, [[(i,)] for i in range(500)])
        self.assertEqual(await theirs, [[(-i,)] for i in range(500)])

    async def test_closing_the_context_ends_everything(self):
        changes = self.adb.changes()
        runaway = self.adb.query(RUNAWAY)
        queued = self.adb.query("SELECT 1")
        await self.running(runaway)
        await self.db.aclose(ferry.CLOSE_CANCEL)
        with self.assertRaises(ferry.ClosedError):
            await queued
        with self.assertRaises((ferry.CanceledError, ferry.ClosedError)):
            await runaway
        self.assertEqual([c async for c in changes], [])
        with self.assertRaises(ferry.FerryError):
            self.adb.query("SELECT 1")

    async def test_closing_the_inbox_ends_what_it_waits_for(self):
        runaway = self.adb.query(RUNAWAY)
        await self.running(runaway)
        token = runaway.token
        self.inbox.close()
        with self.assertRaises(ferry.ClosedError):
            await runaway
        ferry.lib.request_cancel(token)
        await self.db.aclose()

    async def test_replies_are_given_back(self):
        async def ask(n):
            for _ in range(n):
                await self.adb.query("SELECT zeroblob(100000)")
        await asyncio.gather(*(ask(5) for _ in range(10)))
        before = memory()
        await asyncio.gather(*(ask(150) for _ in range(10)))
        self.assertLess(memory() - before, 30e6)


if __name__ == "__main__":
    unittest.main(verbosity=2)

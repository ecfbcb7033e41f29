#!/usr/bin/env python3
"""SQLite from Python, and signals."""

import datetime
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from common import HERE, RUNAWAY, is_running, rows, wait_until
from ferry_sqlite import blocking


HOUR = datetime.timedelta(hours=1)


def seconds_used(child):
    """Of processors, by a child that has not been waited for."""
    with open("/proc/%d/stat" % child.pid, encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Signals(unittest.TestCase):
    """Ctrl-C reaches a thread that is blocked in a call."""

    def setUp(self):
        # What a shell starts in the background ignores it, and its children.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def script(self, text):
        """Says "ready" when what the text asks of db runs."""
        return subprocess.Popen(
            [sys.executable, "-B", "-c",
             "import sys, threading; sys.path.insert(0, %r)\n"
             "from common import RUNAWAY, is_running, rows, wait_until\n"
             "from ferry_sqlite import blocking\n"
             "db = blocking.Database.open(':memory:')\n"
             "def tell():\n"
             "    wait_until(lambda: is_running(db))\n"
             "    print('ready', flush=True)\n"
             "threading.Thread(target=tell).start()\n" % HERE + text],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_ctrl_c_ends_a_blocked_call(self):
        child = self.script(
            "try:\n"
            "    db.query(RUNAWAY)\n"
            "except KeyboardInterrupt:\n"
            "    print('interrupted', rows(db.query('SELECT 5')), flush=1)\n"
            "c = db.context.counters()\n"
            "print(c['ended_canceled'], c['running'], c['queued'])\n"
            "db.close()\n")
        self.assertEqual(child.stdout.readline(), "ready\n")
        before = seconds_used(child)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.stdout.readline(), "interrupted [(5,)]\n")
        # At once: what it interrupts computes, as long as it goes on.
        self.assertLess(seconds_used(child) - before, 2)
        self.assertEqual(child.stdout.read(), "1 0 0\n")
        _, err = child.communicate(timeout=10)
        self.assertEqual((err, child.returncode), ("", 0))

    def test_ctrl_c_that_nobody_catches(self):
        child = self.script("db.query(RUNAWAY)\n")
        self.assertEqual(child.stdout.readline(), "ready\n")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
        self.assertEqual(child.returncode, -signal.SIGINT)
        self.assertIn("\nKeyboardInterrupt\n", err)

    def test_ctrl_c_at_any_moment(self):
        with blocking.Database.open(":memory:") as db:
            for i in range(40):
                go = threading.Event()
                killer = threading.Thread(target=self.kill_later, args=(
                    go, random.Random(i).random() * (0.02 if i % 2 else 3e-4)))
                killer.start()
                with self.assertRaises(KeyboardInterrupt):
                    go.set()
                    db.query(RUNAWAY)
                killer.join()
                self.assertEqual(
                    rows(db.query("SELECT ?", params=[i])), [(i,)])
            c = db.context.counters()
            self.assertEqual((c["queued"], c["running"]), (0, 0))

    @staticmethod
    def kill_later(go, delay):
        go.wait()
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGINT)

    def test_a_handler_that_returns_does_not_end_the_wait(self):
        """While the call waits for a lock, which the handler's end gives."""
        seen = []
        old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "db")
            with blocking.Database.open(path) as holder, (
                    blocking.Database.open(path, busy=HOUR)) as db:
                holder.execute("CREATE TABLE t(x)")
                changes = holder.on_row_changed()
                holding = holder.futures.execute(
                    "BEGIN; INSERT INTO t VALUES(1); " + RUNAWAY)
                next(changes)

                def interrupt():
                    wait_until(lambda: is_running(db))
                    os.kill(os.getpid(), signal.SIGUSR1)
                    wait_until(lambda: seen)
                    holding.cancel()
                killer = threading.Thread(target=interrupt)
                killer.start()
                got = db.query("INSERT INTO t VALUES(2) RETURNING x")
                self.assertEqual(rows(got), [(2,)])
                killer.join()
        self.assertEqual(seen, [1])

    def test_leaving_while_a_query_runs(self):
        child = self.script(
            "import os\n"
            "threading.Thread(target=db.query, args=(RUNAWAY,),\n"
            "                 daemon=True).start()\n"
            "wait_until(lambda: is_running(db))\n")
        out, _ = child.communicate(timeout=15)
        self.assertEqual((out, child.returncode), ("ready\n", 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)

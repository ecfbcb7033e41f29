#!/usr/bin/env python3
"""The demo: one SQLite database, used from C threads and Python tasks at once.

It loads Unicode's character database, lets everybody ask at the same time,
wedges the library's thread with a query that never ends, shows what the
watchdog says and how the caller cancels it, and checks at the end that every
request was answered exactly once. Exit status 0: all of it happened.
"""

import asyncio
import collections
import ctypes
import os
import random
import shutil
import sys
import tempfile
import textwrap
import threading
import time
import unicodedata

import ferry
import ferry_sqlite

DATA = "/usr/share/unicode/UnicodeData.txt"
BLOCKS = "/usr/share/unicode/Blocks.txt"

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
BEGIN;
CREATE TABLE codepoint(
    code INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,        -- = code, but for a range like Hangul's
    name TEXT NOT NULL, category TEXT NOT NULL, combining INTEGER NOT NULL,
    bidi TEXT NOT NULL, decomposition TEXT, numeric TEXT,
    mirrored INTEGER NOT NULL, upper INTEGER, lower INTEGER, title INTEGER);
CREATE TABLE block(first INTEGER PRIMARY KEY, last INTEGER, name TEXT);
CREATE TABLE note(id INTEGER PRIMARY KEY, author TEXT, text TEXT);
COMMIT;
"""
LOOKUP = "SELECT name FROM codepoint WHERE code = ?"
NOTE = "INSERT INTO note(author, text) VALUES('Python task', ?)"
RUNAWAY = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
           "SELECT count(*) FROM c")

C_REQUESTS = 4000           # for each of four C threads
TASKS, TASK_REQUESTS = 50, 100
EVENT_CAPACITY = 8192       # more than there will be: none may be lost
WAITING_TASKS = 6           # Python tasks that ask while the thread is wedged
C_WAITING = 3               # requests each C thread wants to make then


# ------------------------------------------------------------- the C half

class Report(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "asked", "once", "never", "twice", "failed", "wrong", "written")]


class CThreads:
    """Four pthreads that call Ferry directly, on a context of ours."""

    _lib = None

    def __init__(self, db, requests):
        if not self._lib:
            CThreads._lib = ctypes.CDLL(os.path.join(
                os.path.dirname(ferry.lib.path), "samples", "sqlite",
                "libdemo_clients.so"))
            self._lib.demo_threads_waiting.restype = ctypes.c_uint64
        self._threads = ctypes.c_void_p()
        ferry.check(self._lib.demo_threads_start(
            ctypes.byref(self._threads), ctypes.c_uint64(db.token),
            ctypes.c_uint32(requests)))

    def waiting(self):
        return self._lib.demo_threads_waiting(self._threads)

    def join(self):
        """Blocks until they are done."""
        report = Report()
        self._lib.demo_threads_join(ctypes.byref(report), self._threads)
        return report


# ------------------------------------------------------------ what is said

failures = []


def say(text=""):
    print(text, flush=True)


def step(number, text):
    say()
    say("%d. %s" % (number, text))


def tell(text):
    """What a step has to say, in lines of a terminal's width."""
    say(textwrap.fill(text, 78, initial_indent="   ",
                      subsequent_indent="       ", break_long_words=False,
                      break_on_hyphens=False))


def expect(ok, failure):
    """Something that must have happened."""
    if not ok:
        failures.append(failure)
        say("   FAILED: " + failure)
    return ok


class GaveUp(Exception):
    """Without this the demo cannot go on."""


async def within(seconds, awaitable, failure):
    """Waits for what must happen within that time."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:
        expect(False, "%s within %d s" % (failure, seconds))
        raise GaveUp from None


def seconds_since(start):
    return time.monotonic() - start


# -------------------------------------------------------------- 1: loading

def rows_of(path):
    """UnicodeData.txt: one line a code point; a range has two lines."""
    first = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            f = line.rstrip("\n").split(";")
            code = int(f[0], 16)
            if f[1].endswith(", First>"):
                first = code
                continue
            name = f[1].replace(", Last>", ">")
            yield (code if first is None else first, code, name, f[2],
                   int(f[3]), f[4], f[5] or None, f[8] or None,
                   int(f[9] == "Y"),
                   *(int(x, 16) if x else None for x in f[12:15]))
            first = None


def blocks_of(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if line:
                span, name = line.split("; ")
                yield (*(int(x, 16) for x in span.split("..")), name)


def load(db, count):
    """Python, blocking: each call waits for its reply. All rows, loaded."""
    start = time.monotonic()
    count(db.execute(SCHEMA))
    rows = list(rows_of(DATA))
    codes = count(db.prepare(
        "INSERT INTO codepoint VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"))
    for i in range(0, len(rows), 1000):
        count(db.run_many(codes, rows[i:i + 1000]))
    codes.release()
    blocks = count(db.prepare("INSERT INTO block VALUES(?,?,?)"))
    count(db.run_many(blocks, list(blocks_of(BLOCKS))))
    blocks.release()
    said = count(db.query(
        "SELECT count(*), sum(last - code + 1), "
        "(SELECT count(*) FROM block) FROM codepoint"))
    loaded, points, n_blocks = said[0]
    tell("%d rows (%d code points, %d blocks) in %.1f s, by prepared "
         "statements: up to 1000 rows a request, each request a transaction"
         % (loaded, points, n_blocks, seconds_since(start)))
    expect(loaded == len(rows), "the table has %d rows, the file %d" % (
        loaded, len(rows)))
    return rows


# ------------------------------------------------- 2: everybody at the same time

class Asker:
    """The Python half: counts every answer by its question."""

    def __init__(self, adb, rows):
        self.adb = adb
        self.names = {row[0]: row[2] for row in rows if row[0] == row[1]}
        self.codes = list(self.names)
        self.answers = collections.Counter()
        self.asked = 0
        self.wrong = 0
        self.compared = 0
        self.written = 0
        self.random = random.Random(1)

    async def ask(self):
        """One question; a prepared tag is counted once when it is answered."""
        self.asked += 1
        tag = self.asked
        if tag % 20 == 0:
            done = await self.adb.query(NOTE, ["number %d" % tag])
            self.written += done.changes
        else:
            code = self.random.choice(self.codes)
            (name,), = await self.adb.query(LOOKUP, [code])
            self.compare(code, name)
        self.answers[tag] += 1

    def compare(self, code, name):
        """With the file, and with what Python's own tables say."""
        if name != self.names[code]:
            self.wrong += 1
        known = unicodedata.name(chr(code), None)
        if known is not None:
            self.compared += 1
            if known != name:
                self.wrong += 1

    async def task(self):
        for _ in range(TASK_REQUESTS):
            await self.ask()

    def exactly_once(self):
        return len(self.answers) == self.asked and set(
            self.answers.values()) <= {1}


async def together(db, asker, start_threads):
    start = time.monotonic()
    loop = asyncio.get_running_loop()
    threads = start_threads(C_REQUESTS)
    joined = loop.run_in_executor(None, threads.join)
    await within(60, asyncio.gather(*(asker.task() for _ in range(TASKS))),
                 "the Python tasks were not done")
    report = await within(60, joined, "the C threads were not done")
    took = seconds_since(start)
    health = db.health()
    tell("C: 4 threads, one blocked in calls, one with an inbox, one with "
         "callbacks, one that writes: %d requests" % report.asked)
    tell("Python: %d tasks on one asyncio loop: %d requests; %d names are also "
         "compared with Python's own Unicode tables"
         % (TASKS, asker.asked, asker.compared))
    tell("SQLite ran on thread %d, for all of them, %.1f s: %d requests a "
         "second" % (health.worker_thread, took,
                     (report.asked + asker.asked) / took))
    expect(asker.wrong == 0, "%d answers to Python were wrong" % asker.wrong)
    expect(report.wrong == 0 and report.failed == 0,
           "of the answers to C, %d failed and %d were wrong" % (
               report.failed, report.wrong))
    return report


# ------------------------------------------------------- 3: the wedged thread

async def has_started(db, request):
    while db.health().request != request.token:
        await asyncio.sleep(0.01)


async def wedge(db, adb, asker, notices, start_threads):
    loop = asyncio.get_running_loop()
    tell("Python submits a query that never ends: " + RUNAWAY)
    runaway = adb.query(RUNAWAY)
    await within(10, has_started(db, runaway), "the query was not started")
    threads = start_threads(C_WAITING)
    others = [asyncio.ensure_future(asker.ask())
              for _ in range(WAITING_TASKS)]

    notice = await within(15, notices.__anext__(),
                          "the watchdog said nothing")
    tell("WATCHDOG: %s" % notice)
    expect(notice.kind == ferry.KIND_NOT_RESPONDING
           and notice.request == runaway.token and notice.method == "query",
           "the watchdog did not name the runaway query")
    expect(notice.depth > 0, "the watchdog saw nobody waiting")

    health = db.health()
    tell("health, asked now: thread %d is %s for %.2f s, %d requests queued"
         % (health.worker_thread, "busy" if health.worker == 1 else "not busy",
            health.age_ns / 1e9, health.queued))
    idle = sum(not task.done() for task in others)
    tell("waiting meanwhile: %d requests of C threads, %d Python tasks; "
         "their loop is free" % (threads.waiting(), idle))
    expect(idle == WAITING_TASKS and threads.waiting() > 0,
           "somebody was answered while the thread was wedged")

    tell("the caller cancels request %#x" % runaway.token)
    start = time.monotonic()
    runaway.cancel()
    try:
        rows = await within(10, runaway, "no reply to the cancelled query")
        expect(False, "the runaway query returned %r" % rows)
    except ferry.CanceledError as error:
        tell("reply after %.1f ms: %s (%s)" % (
            seconds_since(start) * 1e3, error.name, error))

    notice = await within(10, notices.__anext__(),
                          "the watchdog did not say that all is well")
    tell("WATCHDOG: %s" % notice)
    expect(notice.kind == ferry.KIND_RESPONDING,
           "the watchdog did not say that it responds again")

    await within(10, asyncio.gather(*others),
                 "those who waited in Python were not answered")
    report = await within(10, loop.run_in_executor(None, threads.join),
                          "those who waited in C were not answered")
    tell("all who waited have their answers: %d requests of C threads, %d of "
         "Python tasks" % (report.once, len(others)))
    expect(report.failed == 0 and report.wrong == 0,
           "of the answers to C after it, %d failed and %d were wrong" % (
               report.failed, report.wrong))
    return report


# --------------------------------------------------- 4: what the events said

async def see_events(changes, wanted):
    """Reads row-change events until all are there, or none comes any more."""
    seen = collections.Counter()
    dropped = 0
    try:
        while seen["INSERT", "note"] < wanted:
            change = await asyncio.wait_for(changes.__anext__(), 5)
            seen[change.operation, change.table] += 1
            dropped += change.dropped
    except asyncio.TimeoutError:
        pass
    for (operation, table), n in sorted(seen.items()):
        tell("%s into %s: %d events%s" % (
            operation, table, n, "" if table == "note" else
            ", from the end of the loading"))
    notes = seen["INSERT", "note"]
    expect(notes == wanted and dropped == 0,
           "%d notes were inserted, but the events say %d, %d dropped" % (
               wanted, notes, dropped))
    return notes, sum(seen.values())


# ---------------------------------------------------- 5: it must all add up

def equation(name_of, c, right_names):
    """Prints and checks one equation between counters."""
    left = getattr(c, name_of)
    right = sum(getattr(c, name) for name in right_names)
    tell("%s %d = %s" % (name_of, left, " + ".join(
        "%s %d" % (name, getattr(c, name)) for name in right_names)))
    expect(left == right, "%s: %d is not %d" % (name_of, left, right))


def add_up(db, calls, asker, reports, events_before, events_seen):
    c = db.counters()
    asked_c = sum(r.asked for r in reports)
    once_c = sum(r.once for r in reports)
    equation("submitted", c, (
        "refused", "queued", "started", "unstarted_canceled",
        "unstarted_deadline", "unstarted_closed"))
    equation("started", c, (
        "running", "ended_ok", "ended_error", "ended_canceled", "ended_lost",
        "ended_closed"))
    total = calls + asker.asked + 1 + asked_c
    tell("submitted %d = loading %d + Python tasks %d + runaway 1 + C "
         "threads %d" % (c.submitted, calls, asker.asked, asked_c))
    expect(c.submitted == total, "the clients counted %d requests" % total)
    expect(c.ended_canceled == 1, "%d requests were cancelled, not 1"
           % c.ended_canceled)
    expect(c.ended_ok == total - 1, "%d requests ended well, not %d" % (
        c.ended_ok, total - 1))
    expect(c.discarded == 0, "%d replies were discarded" % c.discarded)

    emitted = c.events_emitted - events_before
    notes, seen = events_seen
    tell("events emitted since the loading %d = of notes, seen %d" % (
        emitted, notes))
    tell("events delivered %d = seen %d" % (c.events_delivered, seen))
    expect(emitted == notes and c.events_delivered == seen,
           "events were lost")

    tell("answered exactly once: %d of %d by the C threads' count, %d of %d "
         "by Python's" % (once_c, asked_c, len(asker.answers), asker.asked))
    expect(once_c == asked_c and not any(r.never or r.twice for r in reports),
           "the C threads count %d answers for %d requests" % (once_c, asked_c))
    expect(asker.exactly_once(), "Python counts %d answers for %d requests" % (
        sum(asker.answers.values()), asker.asked))
    expect(c.stall_episodes == 1, "%d stalls were announced, not 1"
           % c.stall_episodes)
    expect(c.handles_open == 0, "%d statements were left open"
           % c.handles_open)


# ------------------------------------------------------------------ the demo

async def main_async(db, rows, calls):
    try:
        await steps(db, rows, calls)
    except GaveUp:
        # What is cut off now has nothing to add to the failure.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await db.aclose(ferry.CLOSE_CANCEL, timeout=5)
        raise


async def steps(db, rows, calls):
    before = db.counters().events_emitted
    reports = []
    async with ferry.Inbox() as inbox:
        adb = ferry_sqlite.AsyncDatabase(
            db, inbox, events=True, liveness=True,
            event_capacity=EVENT_CAPACITY)
        changes = adb.changes()
        notices = adb.notices()
        asker = Asker(adb, rows)

        def start_threads(requests):
            return CThreads(db, requests)

        step(2, "C threads and Python tasks use it at the same time")
        reports.append(await together(db, asker, start_threads))

        step(3, "A runaway query wedges the library's thread")
        reports.append(
            await wedge(db, adb, asker, notices, start_threads))

        step(4, "Row-change events that came meanwhile, in Python")
        seen = await see_events(
            changes, asker.written + sum(r.written for r in reports))

        step(5, "Counters")
        add_up(db, calls, asker, reports, before, seen)


def run(folder):
    path = os.path.join(folder, "unicode.db")
    start = time.monotonic()
    say("Ferry demo: one SQLite database, used from C threads and from Python")
    say("at the same time. SQLite runs on one thread of its own; everybody else")
    say("submits requests to it. (process %d, main thread %d)" % (
        os.getpid(), threading.get_native_id()))

    step(1, "Load %s into %s" % (DATA, path))
    db = ferry_sqlite.open(path, levels=(100, 600, 3000, ferry.OFF),
                           thread_name=b"unicode.db",
                           event_capacity=EVENT_CAPACITY)
    calls = 0

    def count(result):
        nonlocal calls
        calls += 1
        return result

    rows = load(db, count)
    asyncio.run(main_async(db, rows, calls))

    step(6, "Close")
    thread = db.health().worker_thread
    report = db.close(timeout=10)
    expect(report is None, "the close did not end: a handler still runs")
    expect(not os.path.exists("/proc/self/task/%d" % thread),
           "thread %d has not ended" % thread)
    tell("closed; thread %d has ended" % thread)
    read_again(path)
    tell("%.1f s in all" % seconds_since(start))


def read_again(path):
    """The file, by Python's own sqlite3 module, if it has one."""
    try:
        import sqlite3
    except ImportError:
        return
    plain = sqlite3.connect(path)
    integrity, = plain.execute("PRAGMA integrity_check").fetchone()
    notes = plain.execute(
        "SELECT author, count(*) FROM note GROUP BY author").fetchall()
    plain.close()
    tell("Python's own sqlite3 reads the file: integrity %s, notes by %s" % (
        integrity, ", by ".join("%ss: %d" % note for note in notes)))
    expect(integrity == "ok" and len(notes) == 2, "the file is not as it was")


def main():
    folder = tempfile.mkdtemp(prefix="ferry-demo-")
    try:
        run(folder)
    except FileNotFoundError as error:
        if error.filename not in (DATA, BLOCKS):
            raise
        say("   FAILED: there is no %s (Debian's package unicode-data)"
            % error.filename)
        return 1
    except GaveUp:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say()
    if failures:
        say("The demo FAILED:")
        for failure in failures:
            say("  - " + failure)
        return 1
    say("Everything above was checked: ok.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

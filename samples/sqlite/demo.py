#!/usr/bin/env python3
"""The demo: one SQLite database, used from C++ threads and Python tasks at once.

It loads Unicode's character database, lets everybody ask at the same time, has
Python's garbage collector finalize statements meanwhile, wedges the library's
thread with a query that never ends, shows what the watchdog says and how the
caller cancels it, lets a thousand requests wait on one thread, and checks at the
end that every request was answered exactly once. Exit status 0: all of it
happened. demo.sh says where everything is.
"""

import asyncio
import collections
import datetime
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import unicodedata

import ferry_sqlite
import ferry_timer
from demo_counts import add_up
from demo_say import (GaveUp, expect, failures, say, seconds_since, step, tell,
                      until, within)
from demo_storm import Storm
from demo_threads import Threads, look, watch_file, watch_signal
from ferry_runtime import CloseMode, OpenOptions
from ferry_sqlite import Operation

DATA = "/usr/share/unicode/UnicodeData.txt"
BLOCKS = "/usr/share/unicode/Blocks.txt"

# Nothing waits for a disk: one that is slow would be a stall too.
SCHEMA = """
PRAGMA synchronous = OFF;
PRAGMA journal_mode = WAL;
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

REQUESTS = 4000             # for each of four C++ threads
TASKS, TASK_REQUESTS = 50, 100
LOSERS, LOST = 4, 500       # Python threads, statements that each loses
EVENT_CAPACITY = 8192       # more than there will be: none may be lost
WAITING_TASKS = 6           # Python tasks that ask while the thread is wedged
WAITING = 3                 # requests each C++ thread wants to make then
DELAYS, DELAY_MS = 1000, 500    # echoes that wait, and each for how long
NEVER = 2 ** 32 - 1         # a level of the watchdog's that is not wanted


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


async def load(db):
    """All rows, loaded, and how many requests that took."""
    start = time.monotonic()
    await db.execute(SCHEMA)
    rows = list(rows_of(DATA))
    sets = [rows[i:i + 1000] for i in range(0, len(rows), 1000)]
    async with await db.prepare(
            "INSERT INTO codepoint VALUES(?,?,?,?,?,?,?,?,?,?,?,?)") as codes:
        for some in sets:
            await codes.run(params=[value for row in some for value in row],
                            n_sets=len(some))
    blocks = list(blocks_of(BLOCKS))
    async with await db.prepare(
            "INSERT INTO block VALUES(?,?,?)") as statement:
        await statement.run(params=[value for row in blocks for value in row],
                            n_sets=len(blocks))
    loaded, points, n_blocks = (await db.query(
        "SELECT count(*), sum(last - code + 1), "
        "(SELECT count(*) FROM block) FROM codepoint")).cells
    tell("%d rows (%d code points, %d blocks) in %.1f s, by prepared "
         "statements: up to 1000 rows a request, each request a transaction"
         % (loaded, points, n_blocks, seconds_since(start)))
    expect(loaded == len(rows), "the table has %d rows, the file %d" % (
        loaded, len(rows)))
    # Besides: the schema, the blocks, two prepares and closes, the last query.
    return rows, len(sets) + 7


# ------------------------------------------------- 2: everybody at the same time

class Asker:
    """The Python half: counts every answer by its question."""

    def __init__(self, db, rows):
        self.db = db
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
            done = await self.db.query(NOTE, params=["number %d" % tag])
            self.written += done.changes
        else:
            code = self.random.choice(self.codes)
            found = await self.db.query(LOOKUP, params=[code])
            self.compare(code, found.cells[0])
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
    threads = start_threads(REQUESTS)
    joined = loop.run_in_executor(None, threads.join)
    await within(60, asyncio.gather(*(asker.task() for _ in range(TASKS))),
                 "the Python tasks were not done")
    report = await within(60, joined, "the C++ threads were not done")
    took = seconds_since(start)
    tell("C++: 4 threads, one blocked in calls, one with futures, one with "
         "coroutines, one that writes: %d requests" % report.asked)
    tell("Python: %d tasks on one asyncio loop: %d requests; %d names are also "
         "compared with Python's own Unicode tables"
         % (TASKS, asker.asked, asker.compared))
    tell("SQLite ran on thread %d, for all of them, %.1f s: %d requests a "
         "second" % (look(db).thread, took,
                     (report.asked + asker.asked) / took))
    expect(asker.wrong == 0, "%d answers to Python were wrong" % asker.wrong)
    expect(report.wrong == 0 and report.failed == 0,
           "of the answers to C++, %d failed and %d were wrong" % (
               report.failed, report.wrong))
    return report


# ------------------------------------------------ 3: what Python has forgotten

async def forget(db, asker):
    """Returns how many requests it took."""
    async def ask():
        for _ in range(LOST):
            await asker.ask()

    storm = Storm(db, LOOKUP, LOSERS, LOST)
    await within(60, storm.run(ask()), "the storm was not over")
    # Released, and their turn to come.
    await until(10, lambda: not db.context.counters()["handles_open"],
                "statements were left open")
    left = await db.statements()
    tell("%d prepared statements, lost in reference cycles by %d threads: "
         "Python's collector found them, on %d threads, and let go of each "
         "without waiting; SQLite's thread finalized them. By SQLite's own "
         "count there were up to %d, and %d are left" % (
             LOSERS * LOST, LOSERS, len(storm.collectors), storm.most, left))
    expect(left == 0, "SQLite still has %d statements" % left)
    expect(storm.most > 1, "there was never more than one statement")
    return storm.requests + 1


# ------------------------------------------------------- 4: the wedged thread

def in_words(notice):
    """What the watchdog said."""
    if notice.kind == "responding":
        return "responding again after %.2f s (at worst: %s)" % (
            notice.seconds, notice.level)
    return ("not responding: a call of `%s` has held the library's thread for "
            "%.2f s (level: %s, verdict: %s); %d more requests wait behind it"
            % (notice.method, notice.seconds, notice.level, notice.verdict,
               notice.depth))


async def stalls(notices):
    """The next notice that is not about the machine, and whether one was."""
    busy = False
    while True:
        notice = await within(30, notices.__anext__(),
                              "the watchdog said nothing")
        if notice.kind not in ("overloaded", "held"):
            tell("WATCHDOG: " + in_words(notice))
            return notice, busy
        busy = True
        tell("WATCHDOG: the machine is busy with other things; that is no "
             "stall")


def written(path):
    """What is in a file, if it is there."""
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


async def hear_of_it(notices, stalls_file):
    """What the watchdog says of a query that does not end."""
    notice, busy = await stalls(notices)
    expect(notice.report, "the watchdog knew no more than that")
    for line in notice.report.splitlines():
        say("     | " + line)
    # A thread that gets no processor cannot be seen to use it, and shows its
    # stack to nobody.
    expect(notice.verdict == "SPINNING"
           or busy and notice.verdict in ("STARVED", "UNKNOWN"),
           "the verdict is not SPINNING, but " + notice.verdict)
    # A notice does not wait for the stack to be read; later reports have it.
    if not busy and "sqlite3_step" not in notice.report:
        await until(30, lambda: "sqlite3_step" in written(stalls_file),
                    "no report showed where in SQLite the thread is")
        report = written(stalls_file)
        for line in report[report.rindex("  stack:"):].splitlines():
            say("     | " + line)
    expect(notice.kind == "not_responding"
           and notice.method == "database.query",
           "the watchdog did not name the runaway query")
    expect(notice.depth > 0, "the watchdog saw nobody waiting")


async def cancel(runaway, others):
    """Its caller cancels it, and the others are answered."""
    tell("the caller cancels its query")
    start = time.monotonic()
    runaway.cancel()
    try:
        rows = await within(10, runaway, "no end of the cancelled query")
        expect(False, "the runaway query returned %r" % rows)
    except asyncio.CancelledError:
        pass
    await within(10, asyncio.wait(
        others, return_when=asyncio.FIRST_COMPLETED),
        "nobody was answered after the cancel")
    tell("cancelled; the first who waited had an answer after %.1f ms"
         % (seconds_since(start) * 1e3))


async def wedge(db, asker, notices, stalls_file, start_threads):
    loop = asyncio.get_running_loop()
    tell("Python submits a query that never ends: " + RUNAWAY)
    runaway = db.query(RUNAWAY)
    others = [asyncio.ensure_future(asker.ask())
              for _ in range(WAITING_TASKS)]
    await asyncio.sleep(0)      # they have asked, before anything else
    await until(10, lambda: look(db).running, "the query was not started")
    threads = start_threads(WAITING)
    await hear_of_it(notices, stalls_file)
    await until(10, threads.waiting, "no C++ thread asked")
    now = look(db)
    tell("health, asked now: thread %d is %s for %.2f s, %d requests queued"
         % (now.thread, "busy" if now.busy else "not busy",
            now.age_ns / 1e9, now.queued))
    idle = sum(not task.done() for task in others)
    tell("waiting meanwhile: %d requests of C++ threads, %d Python tasks; "
         "their loop is free" % (threads.waiting(), idle))
    expect(idle == WAITING_TASKS and threads.waiting() > 0,
           "somebody was answered while the thread was wedged")
    await cancel(runaway, others)
    notice, _ = await stalls(notices)
    expect(notice.kind == "responding",
           "the watchdog did not say that it responds again")

    await within(10, asyncio.gather(*others),
                 "those who waited in Python were not answered")
    report = await within(10, loop.run_in_executor(None, threads.join),
                          "those who waited in C++ were not answered")
    tell("all who waited have their answers: %d requests of C++ threads, %d "
         "of Python tasks" % (report.once, len(others)))
    expect(report.failed == 0 and report.wrong == 0,
           "of the answers to C++ after it, %d failed and %d were wrong" % (
               report.failed, report.wrong))
    return report


# --------------------------------------------------- 5: what the events said

async def see_events(changes, wanted):
    """Reads row-change events until all are there, or none comes any more."""
    seen = collections.Counter()
    inserted = Operation.INSERTED, "note"
    try:
        while seen[inserted] < wanted:
            change = await asyncio.wait_for(changes.__anext__(), 5)
            seen[change.operation, change.table] += 1
    except asyncio.TimeoutError:
        pass
    for (operation, table), n in sorted(seen.items()):
        tell("%s into %s: %d events%s" % (
            operation.name.lower(), table, n, "" if table == "note" else
            ", from the end of the loading"))
    expect(seen[inserted] == wanted and changes.dropped == 0,
           "%d notes were inserted, but the events say %d, %d dropped" % (
               wanted, seen[inserted], changes.dropped))
    return seen[inserted], sum(seen.values())


# ----------------------------------------------- 6: requests that only wait

async def wait_together():
    """The tutorial's library: its `delay` is a strand, which sleeps."""
    delay = datetime.timedelta(milliseconds=DELAY_MS)
    async with ferry_timer.Timer.open() as timer:
        start = time.monotonic()
        sent = ["echo %d" % i for i in range(DELAYS)]
        got = await within(30, asyncio.gather(
            *(timer.delay(delay, text) for text in sent)),
            "the delayed echoes did not come")
        took = seconds_since(start)
        seen = look(timer)
    tell("%d echoes, each delayed by %.1f s, submitted at once: all answered "
         "after %.2f s" % (DELAYS, DELAY_MS / 1e3, took))
    tell("each was a strand, a handler that sleeps on a stack of its own: up "
         "to %d at once, on thread %d alone" % (seen.strands_peak, seen.thread))
    expect(got == sent, "the echoes are not what was sent")
    expect(took < DELAYS * DELAY_MS / 1e3 / 10,
           "the echoes were delayed one after the other")
    expect(seen.strands_completed == seen.strands_spawned == DELAYS,
           "%d strands were spawned and %d completed, not %d" % (
               seen.strands_spawned, seen.strands_completed, DELAYS))


# ------------------------------------------------------------------ the demo

async def steps(db, stalls_file):
    rows, calls = await load(db)
    before = db.context.counters()["events_emitted"]
    changes = db.on_row_changed(capacity=EVENT_CAPACITY)
    notices = db.context.notices()
    asker = Asker(db, rows)
    reports = []

    def start_threads(requests):
        return Threads(db, requests)

    step(2, "C++ threads and Python tasks use it at the same time")
    reports.append(await together(db, asker, start_threads))

    step(3, "Python forgets statements, everywhere at once")
    lost = await forget(db, asker)

    step(4, "A runaway query wedges the library's thread")
    reports.append(
        await wedge(db, asker, notices, stalls_file, start_threads))

    step(5, "Row-change events that came meanwhile, in Python")
    seen = await see_events(
        changes, asker.written + sum(r.written for r in reports))

    step(6, "A thousand requests wait, on one thread")
    await wait_together()

    step(7, "Counters")
    add_up(db, calls, lost, asker, reports, before, seen)


async def close(db):
    step(8, "Close")
    thread = look(db).thread
    unfinished = await db.close(timeout=10)
    expect(unfinished is None, "the close did not end: a handler still runs")
    # Joined, it is still in the list for a moment.
    await until(10, lambda: not os.path.exists("/proc/self/task/%d" % thread),
                "thread %d had not ended" % thread)
    tell("closed; thread %d has ended" % thread)


async def run(folder):
    path = os.path.join(folder, "unicode.db")
    start = time.monotonic()
    say("Ferry demo: one SQLite database, used from C++ threads and from Python")
    say("at the same time. SQLite runs on one thread of its own; everybody else")
    say("submits requests to it. (process %d, main thread %d)" % (
        os.getpid(), threading.get_native_id()))

    step(1, "Load %s into %s" % (DATA, path))
    db = await ferry_sqlite.Database.open(path, options=OpenOptions(
        slow_ms=100, stalled_ms=600, wedged_ms=3000, fatal_ms=NEVER,
        thread_name="unicode.db", event_capacity=EVENT_CAPACITY))
    stalls_file = os.path.join(folder, "stalls")
    try:
        watch_file(db, stalls_file)
        await steps(db, stalls_file)
    except BaseException:
        # What is cut off now has nothing to add to the failure.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await db.close(CloseMode.CANCEL, timeout=5)
        raise
    await close(db)
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
    # A query that runs is seen where it is; before the thread is there.
    watch_signal(signal.SIGRTMIN + 3)
    folder = tempfile.mkdtemp(prefix="ferry-demo-")
    try:
        asyncio.run(run(folder))
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

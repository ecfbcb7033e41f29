"""What the tests of the generated package share.

It is imported first: it says where the package, the runtime that it stands on
and the library are.
"""

import gc
import os
import sys
import threading
import time

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
O = os.path.abspath(os.environ.get("O", "build"))
os.environ["FERRY_SQLITE_LIBRARY"] = os.path.join(
    O, "samples/sqlite/libferry_sqlite.so")
PATHS = [os.path.join(HERE, "generated/python"),
         os.path.join(HERE, "../../ffi/codegen/python/runtime")]
sys.path[:0] = PATHS

RUNAWAY = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
           "SELECT count(*) FROM c")
SELECT = "SELECT ?"


def rows(result):
    """The rows of a result, as tuples."""
    n = len(result.columns)
    return [tuple(result.cells[i:i + n])
            for i in range(0, n * result.n_rows, n)]


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not within %g s" % seconds
        time.sleep(0.001)


def is_running(db):
    return db.context.counters()["running"] == 1


def run_all(functions):
    """Each on a thread; raises what any of them raised."""
    failures = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


class Knot:
    """Holds a statement in a cycle, so that only the collector ends it."""

    def __init__(self, statement):
        self.statement = statement
        self.itself = self


def none_left(test, db):
    gc.collect()
    wait_until(lambda: db.context.counters()["handles_open"] == 0)
    test.assertEqual(db.statements(), 0)

"""What can be known of ferry_sqlite without using the library for anything."""

import unittest

import ferry_runtime

import ferry_sqlite
import ferry_sqlite.blocking
from ferry_sqlite import _library

FUNCTIONS = [
    "database.open",
    "database.execute",
    "database.query",
    "statement.prepare",
    "statement.close",
    "statement.run",
    "statement.about",
    "database.statements",
    "database.on_row_changed",
]


class Installed(unittest.TestCase):
    def load(self, name):
        ferry_runtime.load(_library.PATH, "sqlite", functions={name: 1})

    def test_every_name_is_there(self):
        for name in ferry_sqlite.__all__:
            self.assertTrue(hasattr(ferry_sqlite, name), name)

    def test_another_library_is_refused(self):
        for name in FUNCTIONS:
            with self.assertRaisesRegex(ferry_runtime.LoadError, name):
                self.load(name)
        with self.assertRaisesRegex(ferry_runtime.LoadError, "no function"):
            self.load("a.b.c")

    def test_records_to_a_block_and_back(self):
        for name in _library.CODEC.names():
            samples = _library.CODEC.samples(name)
            self.assertTrue(samples, name)
            for value in samples:
                self.assertEqual(_library.CODEC.copy(name, value), value)

    def test_functions_to_a_block_and_back(self):
        for name in FUNCTIONS:
            call = getattr(_library, "call_" + name.replace(".", "_"))
            call.check()


if __name__ == "__main__":
    unittest.main()

"""What can be known of ferry_timer without using the library for anything."""

import unittest

import ferry_runtime

import ferry_timer
import ferry_timer.blocking
from ferry_timer import _library

FUNCTIONS = [
    "timer.open",
    "timer.echo",
    "timer.after",
    "timer.delay",
    "timer.hold",
    "timer.schedule",
    "timer.on_tick",
]


class Installed(unittest.TestCase):
    def load(self, name):
        ferry_runtime.load(_library.PATH, "timer", functions={name: 1})

    def test_every_name_is_there(self):
        for name in ferry_timer.__all__:
            self.assertTrue(hasattr(ferry_timer, name), name)

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

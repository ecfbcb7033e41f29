"""What can be known of <%= package %> without using the library for anything."""

import unittest

import ferry_runtime

import <%= package %>
import <%= package %>.blocking
from <%= package %> import _library

FUNCTIONS = [
% for _, f in ipairs(calls) do
    "<%= f.layout %>",
% end
]


class Installed(unittest.TestCase):
    def load(self, name):
        ferry_runtime.load(_library.PATH, "<%= library.name %>", functions={name: 1})

    def test_every_name_is_there(self):
        for name in <%= package %>.__all__:
            self.assertTrue(hasattr(<%= package %>, name), name)

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

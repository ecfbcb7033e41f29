#!/usr/bin/env python3
"""libmagic by way of Ferry tells what libmagic tells."""

import asyncio
import ctypes
import glob
import os
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
O = os.path.abspath(os.environ.get("O", "build"))
os.environ["FERRY_MAGIC_LIBRARY"] = os.path.join(
    O, "samples/magic/libferry_magic.so")
PATHS = [os.path.join(HERE, "generated/python"),
         os.path.join(HERE, "../../ffi/codegen/python/runtime")]
sys.path[:0] = PATHS

import ferry_magic
from ferry_magic import MagicError, What, blocking

FILES = sorted(glob.glob("/usr/bin/*"))[:150] + [HERE, __file__, "/dev/null"]


class Direct:
    """libmagic itself, on this thread alone."""

    def __init__(self, flags):
        self._c = ctypes.CDLL("libmagic.so.1")
        self._c.magic_open.restype = ctypes.c_void_p
        self._c.magic_file.restype = ctypes.c_char_p
        self._cookie = ctypes.c_void_p(self._c.magic_open(flags))
        assert self._c.magic_load(self._cookie, None) == 0

    def file(self, path):
        return self._c.magic_file(self._cookie, path.encode()).decode()

    def close(self):
        self._c.magic_close(self._cookie)


def expected(flags):
    direct = Direct(flags)
    try:
        return [direct.file(path) for path in FILES]
    finally:
        direct.close()


async def told(flags):
    async with ferry_magic.Cookie.open(flags=flags) as cookie:
        await cookie.load()
        return await asyncio.gather(*map(cookie.file, FILES))


class Magic(unittest.TestCase):
    def test_as_libmagic_itself(self):
        for flags in (What.TEXT, What.TYPE, What.CHARSET):
            self.assertEqual(asyncio.run(told(flags)), expected(flags))

    def test_one_cookie_many_threads(self):
        want = expected(What.TYPE)
        got = [None] * 8
        with blocking.Cookie.open(flags=What.TYPE) as cookie:
            cookie.load()

            def ask(i):
                got[i] = [cookie.file(path) for path in FILES]

            threads = [threading.Thread(target=ask, args=(i,))
                       for i in range(len(got))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(got, [want] * len(got))

    def test_bytes(self):
        with blocking.Cookie.open(flags=What.TYPE) as cookie:
            cookie.load()
            self.assertEqual(cookie.buffer(b"%PDF-1.4\n"), "application/pdf")
            self.assertEqual(cookie.buffer(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
                             "image/png")
            self.assertEqual(cookie.buffer(b""), "application/x-empty")
            cookie.setflags(What.CHARSET)
            self.assertEqual(cookie.buffer(b"plain"), "us-ascii")

    def test_errors_say_why(self):
        with blocking.Cookie.open() as cookie:
            with self.assertRaisesRegex(MagicError, "magic files"):
                cookie.load(path="/no/such/file")
            # It has no descriptions now.
            with self.assertRaises(MagicError):
                cookie.file("/dev/null")

    def test_the_program(self):
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(PATHS))
        run = subprocess.run(
            [sys.executable, os.path.join(HERE, "identify.py"), HERE,
             "/dev/null"], env=env, capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        self.assertEqual(run.stdout, "%s: directory\n/dev/null: %s\n" % (
            HERE, expected(What.TEXT)[-1]))
        self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()

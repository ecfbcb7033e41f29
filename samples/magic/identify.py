#!/usr/bin/env python3
"""What is in these files: `identify.py FILE...`, all of them at once.

libmagic's cookie may be used by one thread at a time. Here every file is a call
of its own; they are queued, and this program waits for all of them together.
"""

import asyncio
import sys

import ferry_magic
from ferry_magic import MagicError


async def describe(cookie, path):
    try:
        return await cookie.file(path, timeout=10)
    except MagicError as e:
        return "cannot be told: %s" % e


async def main(paths):
    async with ferry_magic.Cookie.open() as cookie:
        await cookie.load()
        for path, what in zip(paths, await asyncio.gather(
                *(describe(cookie, path) for path in paths))):
            print("%s: %s" % (path, what))


asyncio.run(main(sys.argv[1:]))

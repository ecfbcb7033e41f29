"""The generated packages of the zoo and the twins, and what its tests share.

package.mk builds both. Without pytest nothing here can run: where the python
that runs it has none, the system's does.
"""

import asyncio
import datetime
import math
import os
import sys

import places
from places import BUILD, ROOT, RUNTIME

SYSTEM = "/usr/bin/python3"
GENERATED = places.package("zoo")
TWINS = places.package("twins")
LIBRARY = places.library("zoo")
TOOL = os.environ.get("FERRY_TOOL") or str(BUILD / "ferry")

try:
    import pytest
except ImportError:
    if sys.executable == SYSTEM or not os.path.exists(SYSTEM):
        print("skip: pytest is missing")
        sys.exit(77)
    os.execv(SYSTEM, [SYSTEM, "-B"] + sys.argv)


def main(path):
    """What a test does that is run by itself."""
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", path] +
                         sys.argv[1:]))


def run(function):
    """A coroutine function as a test."""
    def test():
        asyncio.run(function())
    test.__name__ = function.__name__
    test.__doc__ = function.__doc__
    return test


def things(z, **more):
    """A record with everything in it, as far as nothing else is said."""
    values = dict(
        text="", counted="", blob=b"", fixed_text="", digest=bytes(8),
        numbers=[], words=[], points=[], pair=[0, 0],
        corners=[z.Point(0, 0), z.Point(0, 0)], tags={},
        origin=z.Point(0.0), born=datetime.datetime(
            1970, 1, 1, tzinfo=datetime.timezone.utc),
        seen_ns=0, nap=datetime.timedelta(0), spell=datetime.timedelta(0))
    values.update(more)
    return z.Things(**values)


def numbers(z, **more):
    values = dict.fromkeys((
        "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "plain",
        "wide", "size", "letter", "f32", "f64", "colour", "food"), 0)
    values.update(yes=False)
    values.update(more)
    return z.Numbers(**values)


def everything(z):
    """Things at their limits."""
    first = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)
    last = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)
    nap = datetime.timedelta(milliseconds=2 ** 32 - 1)
    return [
        things(z),
        things(z, text="x" * (1 << 20), counted="\0" * (1 << 20),
               blob=bytes(range(256)) * 4096),
        things(z, text="é\U0001f43b\udcff", counted="a\0b\0",
               fixed_text="é" * 7 + "x", digest=b"\0\xff" * 4),
        things(z, maybe_text="", maybe_blob=b""),
        things(z, maybe_text="x", maybe_blob=b"\0"),
        things(z, numbers=list(range(-50000, 50000))),
        things(z, numbers=[-2 ** 31, 2 ** 31 - 1],
               pair=[-32768, 32767]),
        things(z, words=["", "a", "é"] * 1000),
        things(z, points=[z.Point(i, -i) for i in range(65535)]),
        things(z, corners=[z.Point(1, 2), z.Point(3, 4)],
               origin=z.Point(math.inf, -0.0)),
        things(z, tags={"": -2 ** 31, "é": 2 ** 31 - 1}),
        things(z, tags={str(i): i for i in range(10000)}),
        things(z, branch=z.Branch()),
        things(z, branch=z.Branch(z.Leaf(1), None)),
        things(z, branch=z.Branch(z.Leaf(-2 ** 31, 2 ** 31 - 1), "")),
        things(z, score=0), things(z, score=-2 ** 63),
        things(z, paint=z.Colour.RED, legs=2 ** 32 - 1),
        things(z, paint=12345),      # a colour that nobody knows
        things(z, born=first, seen_ns=-2 ** 63, nap=nap),
        things(z, born=last, seen_ns=2 ** 63 - 1,
               spell=datetime.timedelta(days=-1, microseconds=1)),
    ]

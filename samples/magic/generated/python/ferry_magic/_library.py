"""The library, loaded, and what it is called with."""

from __future__ import annotations

import os
import pathlib

import ferry_runtime
from ferry_runtime import codec as c
from ferry_runtime.binding import Call

from . import errors, types

PATH = os.environ.get("FERRY_MAGIC_LIBRARY") or str(
    pathlib.Path(__file__).resolve().with_name("libmagic.so"))



PACKAGE = ferry_runtime.load(
    PATH, "magic", requires=(0, 1),
    base=errors.MagicError,
    functions={
        "cookie.open": 0xc0aa530619262f37,
        "cookie.load": 0x2ef3f55de86994a1,
        "cookie.file": 0x52819c5f1687dbb1,
        "cookie.buffer": 0x41b0029c6a006b95,
        "cookie.setflags": 0xdf76db96bf763d41,
        "version": 0x783e4633b09f3c76,
    },
    records={
    })

CODEC = c.Codec("magic", PACKAGE.layout)

call_cookie_open = Call(
    PACKAGE, CODEC, "cookie.open", (
        c.Field("flags", "flags", c.Enum(types.What, 32, True)),
    ))

call_cookie_load = Call(
    PACKAGE, CODEC, "cookie.load", (
        c.Field("path", "path", c.Text(nullable=True)),
    ))

call_cookie_file = Call(
    PACKAGE, CODEC, "cookie.file", (
        c.Field("path", "path", c.Text()),
    ), (
        c.Field("result", "result", c.Text()),
    ))

call_cookie_buffer = Call(
    PACKAGE, CODEC, "cookie.buffer", (
        c.Field("data", "data", c.Bytes(len="size")),
        c.hidden("size", c.Int(64, False)),
    ), (
        c.Field("result", "result", c.Text()),
    ))

call_cookie_setflags = Call(
    PACKAGE, CODEC, "cookie.setflags", (
        c.Field("flags", "flags", c.Enum(types.What, 32, True)),
    ))

call_version = Call(
    PACKAGE, CODEC, "version", (), (
        c.Field("result", "result", c.Int(32)),
    ))

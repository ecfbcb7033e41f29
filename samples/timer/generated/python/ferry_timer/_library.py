"""The library, loaded, and what it is called with."""

from __future__ import annotations

import os
import pathlib

import ferry_runtime
from ferry_runtime import codec as c
from ferry_runtime.binding import Call

from . import errors, types

PATH = os.environ.get("FERRY_TIMER_LIBRARY") or str(
    pathlib.Path(__file__).resolve().with_name("libtimer.so"))


OF_ERROR = {
    1: errors.NoResources,
    2: errors.Jitter,
    3: errors.Interrupted,
}
ERRORS_OF_NO_ENUM = ferry_runtime.Errors({}, errors.TimerError)

PACKAGE = ferry_runtime.load(
    PATH, "timer", requires=(0, 1),
    base=errors.TimerError, errors=OF_ERROR,
    functions={
        "timer.open": 0x0c011562d9c80f24,
        "timer.echo": 0x4ffb295fd6105fb1,
        "timer.after": 0x36b41699a15aee48,
        "timer.delay": 0x20918e43e475bd03,
        "timer.hold": 0x8954a0602190d930,
        "timer.schedule": 0x44d5c07d2e9908c0,
        "timer.on_tick": 0x34aa830d1a232d20,
    },
    records={
        "rhythm": 0x3cd4ac676168bf13,
    })

CODEC = c.Codec("timer", PACKAGE.layout)
CODEC.record(
    "rhythm", types.Rhythm,
    c.Field("ticks", "ticks", c.Int(32, False)),
    c.Field("period", "period", c.Duration("ms", c.Int(32, False))),
    c.Field("jitter", "jitter", c.Duration("ms", c.Int(32, False))))

call_timer_open = Call(
    PACKAGE, CODEC, "timer.open", (), (
    ))

call_timer_echo = Call(
    PACKAGE, CODEC, "timer.echo", (
        c.Field("text", "text", c.Text()),
    ), (
        c.Field("result", "result", c.Text()),
    ))

call_timer_after = Call(
    PACKAGE, CODEC, "timer.after", (
        c.Field("delay", "delay", c.Duration("ms", c.Int(32, False))),
        c.Field("text", "text", c.Text()),
    ), (
        c.Field("out", "out", c.Text()),
    ))

call_timer_delay = Call(
    PACKAGE, CODEC, "timer.delay", (
        c.Field("delay", "delay", c.Duration("ms", c.Int(32, False))),
        c.Field("text", "text", c.Text()),
    ), (
        c.Field("out", "out", c.Text()),
    ))

call_timer_hold = Call(
    PACKAGE, CODEC, "timer.hold", (
        c.Field("delay", "delay", c.Duration("ms", c.Int(32, False))),
        c.Field("text", "text", c.Text()),
    ), (
        c.Field("out", "out", c.Text()),
    ))

call_timer_schedule = Call(
    PACKAGE, CODEC, "timer.schedule", (
        c.Field("rhythm", "rhythm", c.Pointer(c.Record("rhythm"))),
    ))

call_timer_on_tick = Call(
    PACKAGE, CODEC, "timer.on_tick", (), (
        c.Field("number", "number", c.Int(32, False)),
    ), types.OnTick)

#!/usr/bin/env python3
"""The tutorial's program in Python; README.md goes through it step by step."""

import asyncio
from datetime import timedelta

import ferry_timer
from ferry_timer import Jitter, Rhythm, Timer

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


async def show_awaiting(timer):
    print("await:   ", await timer.echo("hello"))
    for next_one in asyncio.as_completed([timer.after(60 * MS, "second"),
                                          timer.after(10 * MS, "first")]):
        print("await:   ", await next_one)


async def show_errors(timer):
    try:
        await timer.schedule(Rhythm(ticks=1, period=10 * MS, jitter=20 * MS))
    except Jitter as e:
        print("raises:   %s (%d)" % (e, e.code))
    try:
        await timer.delay(10, "how long?")
    except TypeError as e:
        print("raises:  ", e)


async def show_cancel(timer):
    never = timer.after(HOUR, "never seen")
    await timer.echo("in order: the call before it has begun")
    never.cancel()
    try:
        await never
    except asyncio.CancelledError:
        print("cancel:   cancelled")
    try:
        await timer.delay(HOUR, "never seen", timeout=0.03)
    except TimeoutError as e:
        print("timeout: ", e)


async def show_events(timer):
    async with timer.on_tick() as ticks:
        schedule = timer.schedule(
            Rhythm(ticks=3, period=30 * MS, jitter=20 * MS))
        async for tick in ticks:
            print("events:   tick", tick.number)
            if tick.number == 3:
                break
        await schedule


async def show_watchdog(timer):
    async with timer.context.notices() as notices:
        held = timer.hold(HOUR, "never seen")
        waits = timer.echo("at last")
        async for notice in notices:
            if notice.kind == "responding":
                break
            # Not that the machine is overloaded.
            if notice.kind == "not_responding":
                print("watchdog: %s in %s()" % (notice.level, notice.method))
                held.cancel()
    print("watchdog:", await waits)


async def main():
    async with Timer.open() as timer:
        await show_awaiting(timer)
        await show_errors(timer)
        await show_cancel(timer)
        await show_events(timer)
        await show_watchdog(timer)


asyncio.run(main())

with ferry_timer.blocking.Timer.open() as timer:
    print("blocking:", timer.delay(10 * MS, "without a loop"))

"""What the demo says, and what it expects."""

import asyncio
import textwrap
import time

failures = []


def say(text=""):
    print(text, flush=True)


def step(number, text):
    say()
    say("%d. %s" % (number, text))


def tell(text):
    """What a step has to say, in lines of a terminal's width."""
    say(textwrap.fill(text, 78, initial_indent="   ",
                      subsequent_indent="       ", break_long_words=False,
                      break_on_hyphens=False))


def expect(ok, failure):
    """Something that must have happened."""
    if not ok:
        failures.append(failure)
        say("   FAILED: " + failure)
    return ok


class GaveUp(Exception):
    """Without this the demo cannot go on."""


async def within(seconds, awaitable, failure):
    """Waits for what must happen within that time."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:
        expect(False, "%s within %d s" % (failure, seconds))
        raise GaveUp from None


async def until(seconds, condition, failure):
    async def looking():
        while not condition():
            await asyncio.sleep(0.001)
    await within(seconds, looking(), failure)


def seconds_since(start):
    return time.monotonic() - start

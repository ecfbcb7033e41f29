#!/usr/bin/env python3
"""A child of test_exits.py: the ways for a process to end that is in the middle
of calls to the zoo, by its generated package.

    ways.py WAY CODE HELD CONTROL

HELD says whether one call holds the library's thread, or all are on their way.
To the descriptor CONTROL it writes that it begins to leave, and last of all,
after the package's own end, that everything has been closed.
"""

import asyncio
import atexit
import concurrent.futures
import datetime
import itertools
import os
import signal
import sys
import threading
import time

child = None


@atexit.register
def last():
    """Registered before the package is imported, so that it runs after it."""
    if child is not None and child.opened:
        child.tell_closed()


import places  # noqa: E402,F401 (see above)

import ferry_runtime  # noqa: E402
from ferry_runtime import _context  # noqa: E402
import ferry_zoo as z  # noqa: E402
from ferry_zoo import blocking  # noqa: E402

CALLS = 1000
LEAVES, CLOSED = b"leaves ", b"closed"
MS = datetime.timedelta(milliseconds=1)
HOUR = 3600 * 1000 * MS


class Child:
    def __init__(self, code, held, control):
        self.code, self.held, self.control = code, held, control
        self.opened = []
        # At its end a call raises ClosedError, if it still comes to that.
        threading.excepthook = lambda _: None
        sys.excepthook = lambda *_: None

    def leave(self):
        os.write(self.control, LEAVES)

    def exit(self):
        self.leave()
        sys.exit(self.code)

    def tell_closed(self):
        for each in self.opened:
            try:
                each.context.counters()
                return
            except ferry_runtime.ClosedError:
                pass
        os.write(self.control, CLOSED)

    def on_loop(self):
        """A coroutine: a zoo for asyncio."""
        async def body():
            zoo = await z.Zoo.open("x")
            self.opened.append(zoo)
            return zoo
        return body()

    def blocking(self):
        zoo = blocking.Zoo.open("x")
        self.opened.append(zoo)
        return zoo

    def crowd(self, zoo):
        """So many calls: asleep, elsewhere, running, behind it."""
        calls = [zoo.sleep(HOUR) for _ in range(CALLS // 4)]
        calls += [zoo.later(i % 20, "x") for i in range(CALLS // 20)]
        if self.held:
            calls.append(zoo.hold(HOUR))
        while len(calls) < CALLS:
            calls.append((lambda: zoo.adopt("x"), lambda: zoo.split("a,b"),
                          lambda: zoo.sleep(MS))[len(calls) % 3]())
        # For the interpreter to take down; or they go with who made them.
        self.kept = None if self.code else calls
        return calls


def daemon(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()


def until(condition):
    while not condition():
        time.sleep(0.001)


def running(zoo):
    return zoo.context.counters()["running"] > 0


def signal_at(c, number):
    """Sends it, as a user would, soon."""
    c.leave()
    os.kill(os.getpid(), number)


# asyncio.

def wakes_loop():
    """From now on any signal does. Else one that comes just before the loop
    goes to sleep is looked at when something else has woken it."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, int)


def loop_returns(c):
    async def body():
        c.crowd(await c.on_loop())
    asyncio.run(body())
    c.leave()


def loop_exits(c):
    """In a task that is not the first."""
    async def leave():
        c.exit()

    async def body():
        calls = c.crowd(await c.on_loop())
        c.task = asyncio.ensure_future(leave())
        await asyncio.gather(*calls)
    asyncio.run(body())


def loop_exits_in_block(c):
    async def body():
        async with z.Zoo.open("x") as zoo:
            c.opened.append(zoo)
            c.crowd(zoo)
            c.exit()
    asyncio.run(body())


def loop_exits_in_callback(c):
    async def body():
        calls = c.crowd(await c.on_loop())
        calls[CALLS // 4].add_done_callback(lambda _: c.exit())
        await asyncio.sleep(60)
    asyncio.run(body())


def loop_exits_in_tasks(c):
    """Each call is awaited by a task of its own."""
    async def wait(call):
        await call

    async def body():
        tasks = [asyncio.ensure_future(wait(call))
                 for call in c.crowd(await c.on_loop())]
        await asyncio.sleep(0)
        c.tasks = tasks
        c.exit()
    asyncio.run(body())


def loop_raises(c):
    async def body():
        c.crowd(await c.on_loop())
        c.leave()
        raise RuntimeError
    asyncio.run(body())


def loop_interrupted(c):
    async def body():
        calls = c.crowd(await c.on_loop())
        wakes_loop()
        daemon(signal_at, c, signal.SIGINT)
        for call in calls:
            await call
    asyncio.run(body())


def exit_by(c):
    def handler(number, frame):
        sys.exit(c.code)
    return handler


def loop_terminated(c):
    """The handler raises wherever the loop is."""
    signal.signal(signal.SIGTERM, exit_by(c))

    async def body():
        calls = c.crowd(await c.on_loop())
        wakes_loop()
        daemon(signal_at, c, signal.SIGTERM)
        # Not gather(): interrupted in its count, it would wait for ever.
        for call in calls:
            await call
    asyncio.run(body())


def loop_closes(c):
    """While another thread closes its zoo, and one opens."""
    async def body():
        zoo = await c.on_loop()
        c.calls = [zoo.split("a,b") for _ in range(CALLS)]
        c.tasks = [asyncio.ensure_future(zoo.close()),
                   asyncio.ensure_future(c.on_loop())]
        await asyncio.sleep(0)
        c.exit()
    asyncio.run(body())


def loop_hears(c):
    """Events are on their way, and are read."""
    async def body():
        zoo = await c.on_loop()
        c.noises = zoo.on_noise()
        c.other = zoo.on_noise(capacity=8)
        c.calls = [zoo.make_noise(100, "x") for _ in range(CALLS)]
        async for noise in c.noises:
            if noise.number == 50:
                c.exit()
    asyncio.run(body())


def loop_is_deaf(c):
    """To its end a call makes noise, and does not hear that it should stop."""
    async def body():
        zoo = await c.on_loop()
        c.noises = zoo.on_noise()
        c.call = zoo.make_noise(2 ** 32 - 1, "x")
        async for _ in c.noises:
            c.exit()
    asyncio.run(body())


def loop_of_a_daemon(c):
    begun = threading.Event()

    async def forever():
        zoo = await c.on_loop()
        if c.held:
            c.call = zoo.hold(HOUR)
        begun.set()
        while True:
            await asyncio.gather(*(zoo.split("a,b") for _ in range(CALLS)))
    daemon(lambda: asyncio.run(forever()))
    begun.wait()
    c.exit()


def two_packages(c):
    """Their libraries, objects of objects and loops end in any order."""
    import ferry_ark

    async def body():
        c.crowd(await c.on_loop())
        ark = await ferry_ark.Ark.build(3)
        c.opened.append(ark)
        c.deck = await ark.lay(1)
        c.crates = [await c.deck.make("x") for _ in range(10)]
        c.calls = [crate.carry(HOUR) for crate in c.crates]
        c.calls += [ark.send_dove(), ark.doze()]
        c.calls += [ark.swim(1) for _ in range(CALLS)]
    loop = asyncio.new_event_loop()
    loop.run_until_complete(body())
    c.loop = loop
    c.exit()


# Threads that wait.

def thousand_wait(c):
    """Of two hundred threads, and of futures that nobody waits for: how long so
    many threads take to end is the interpreter's affair."""
    threading.stack_size(256 * 1024)
    zoo = c.blocking()
    for i in range(CALLS // 5):
        daemon(zoo.sleep if i % 2 else zoo.hold, HOUR)
    c.futures = [(zoo.futures.sleep if i % 2 else zoo.futures.hold)(HOUR)
                 for i in range(CALLS // 5, CALLS)]
    until(lambda: zoo.context.counters()["submitted"] == CALLS)
    c.exit()


def main_returns(c):
    zoo = c.blocking()
    for i in range(32):
        daemon(zoo.hold if c.held else zoo.sleep, HOUR)
    until(lambda: zoo.context.counters()["submitted"] == 32)
    c.leave()


def daemons_call(c):
    zoo = c.blocking()

    def call():
        with zoo.adopt("x") as animal:
            while True:
                assert animal.clone().name() == "x"
    for _ in range(4):
        daemon(call)
    until(lambda: zoo.context.counters()["ended_ok"] > 100)
    c.exit()


def daemons_make(c):
    """Objects come and go while those that stay are looked at, if they are."""
    zoo = c.blocking()
    c.objects = [ferry_runtime.Handle(0, zoo) for _ in range(20 * CALLS)]

    def make():
        while True:
            ferry_runtime.Handle(0, zoo)
    sys.setswitchinterval(1e-6)
    for _ in range(4):
        daemon(make)
    c.exit()


def daemons_hear(c):
    zoo = c.blocking()
    heard = threading.Event()

    def hear():
        for _ in zoo.on_noise():
            heard.set()

    def make():
        while True:
            zoo.make_noise(100, "x")
    for _ in range(2):
        daemon(hear)
    daemon(make)
    heard.wait()
    c.exit()


def exits_in_block(c):
    with blocking.Zoo.open("x") as zoo:
        c.opened.append(zoo)
        daemon(zoo.hold, HOUR)
        until(lambda: running(zoo))
        c.exit()


def raises_in_block(c):
    with blocking.Zoo.open("x") as zoo:
        c.opened.append(zoo)
        daemon(zoo.sleep, HOUR)
        c.leave()
        raise RuntimeError


def wait_for(c, number):
    zoo = c.blocking()

    def send():
        until(lambda: running(zoo))
        signal_at(c, number)
    daemon(send)
    (zoo.hold if c.held else zoo.sleep)(HOUR)


def interrupted(c):
    wait_for(c, signal.SIGINT)


def terminated(c):
    signal.signal(signal.SIGTERM, exit_by(c))
    wait_for(c, signal.SIGTERM)


def pool_finishes(c):
    """The interpreter waits for these threads, so what they call is there."""
    zoo = c.blocking()
    done = itertools.count(1)

    def call(i):
        if zoo.sum([i, 1]) != i + 1 or zoo.adopt("x").name() != "x":
            os._exit(9)
        if next(done) == CALLS // 2:    # the last to end, whichever it is
            c.leave()
    c.pool = concurrent.futures.ThreadPoolExecutor(8)
    for i in range(CALLS // 2):
        c.pool.submit(call, i)
    sys.exit(c.code)


def os__exit(c):
    zoo = c.blocking()
    for _ in range(8):
        daemon(zoo.hold if c.held else zoo.sleep, HOUR)
    until(lambda: running(zoo))
    c.leave()
    os._exit(c.code)


def objects_stay(c):
    """Of all kinds, some in circles, for the interpreter to take down."""
    zoo = c.blocking()
    c.noises = zoo.on_noise()
    for i in range(CALLS):
        animal = zoo.adopt("x")
        if i % 2:
            animal.itself = animal
        else:
            setattr(z, "animal%d" % i, animal)
    c.exit()


def calls_at_end(c):
    """What is registered after the import runs before the package's end."""
    zoo = c.blocking()
    animal = zoo.adopt("Leo")
    for _ in range(32):
        daemon(zoo.sleep, HOUR)
    until(lambda: zoo.context.counters()["running"] == 32)

    @atexit.register
    def first():
        if animal.name() != "Leo" or not running(zoo):
            os._exit(9)
        zoo.close(ferry_runtime.CloseMode.CANCEL)
        with blocking.Zoo.open("late") as late:
            if late.find("t") != "te":
                os._exit(9)
    c.exit()


def refused_at_end(c):
    """What runs after the package's end is told so."""
    zoo = c.blocking()
    animal = zoo.adopt("Leo")
    after = c.tell_closed

    def tell_refused():
        for call in (animal.name, zoo.population,
                     lambda: blocking.Zoo.open("x")):
            try:
                call()
                return
            except (ferry_runtime.ClosedError, ferry_runtime.StaleError,
                    ferry_runtime.QuiescedError):
                pass
        if z.version() == "1.2.0":      # that needs nobody
            after()
    c.tell_closed = tell_refused
    c.exit()


# How it ends, where that is not by the code it was given.
WAYS = {
    loop_returns: 0, loop_exits: None, loop_exits_in_block: None,
    loop_exits_in_callback: None, loop_exits_in_tasks: None, loop_raises: 1,
    loop_interrupted: -signal.SIGINT, loop_terminated: None,
    loop_closes: None, loop_hears: None, loop_is_deaf: None,
    loop_of_a_daemon: None, two_packages: None,
    thousand_wait: None, main_returns: 0, daemons_call: None,
    daemons_make: None, daemons_hear: None, exits_in_block: None,
    raises_in_block: 1,
    interrupted: -signal.SIGINT, terminated: None, pool_finishes: None,
    os__exit: None, objects_stay: None, calls_at_end: None,
    refused_at_end: None,
}

# Where not everything can be closed, or there is no end to tell of it.
CUT_OFF = {loop_is_deaf, os__exit}


def main(name, code, held, control):
    global child
    way = {way.__name__: way for way in WAYS}[name]
    child = Child(int(code), int(held), int(control))
    if way not in CUT_OFF:
        # On a busy machine, too, all is closed: it is the driver that says how
        # long that may take.
        atexit.unregister(_context.at_exit)
        atexit.register(_context.at_exit, 60)
    way(child)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The demo's statements that Python forgets, and its collector finds."""

import asyncio
import gc
import threading


class Knot:
    """Loses a statement in a cycle: only the garbage collector can find it."""

    def __init__(self, statement):
        self.statement = statement
        self.myself = self


class Storm:
    """Threads that lose statements while the collector runs at every turn."""

    def __init__(self, db, sql, threads, each):
        self.db = db
        self.sql = sql              # of one parameter
        self.threads = threads
        self.each = each            # statements that each of them loses
        self.most = 0               # statements that SQLite had at a time
        self.collectors = set()     # the threads that the collector ran on
        self.requests = 0
        self.lock = threading.Lock()

    async def lose(self):
        for i in range(self.each):
            knot = Knot(await self.db.prepare(self.sql))
            await knot.statement.run(params=[i])
            had = await self.db.statements()
            with self.lock:
                self.requests += 3
                self.most = max(self.most, had)

    def lose_on_a_loop(self):
        """Each thread has one of its own."""
        asyncio.run(self.lose())

    def note(self, phase, info):
        if phase == "stop" and info["collected"]:
            self.collectors.add(threading.get_ident())

    async def run(self, meanwhile):
        """Beside `meanwhile`, which goes on using the database."""
        loop = asyncio.get_running_loop()
        before = gc.get_threshold()
        gc.collect()
        gc.freeze()                 # not the table's rows, again and again
        gc.callbacks.append(self.note)
        gc.set_threshold(100, 5, 5)
        try:
            await asyncio.gather(meanwhile, *(
                loop.run_in_executor(None, self.lose_on_a_loop)
                for _ in range(self.threads)))
        finally:
            gc.set_threshold(*before)
            gc.callbacks.remove(self.note)
            gc.unfreeze()
        gc.collect()

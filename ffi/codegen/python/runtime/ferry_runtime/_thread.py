"""What blocks, off the loop: each on a daemon thread of its own.

Not in the loop's executor: the interpreter waits for that at exit, and what a
library does not come back from would hold the process for ever.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any, Callable, Optional, TypeVar

T = TypeVar("T")


def start(function: Callable[..., object], *args: Any) -> None:
    """Runs a function on a thread that nobody waits for."""
    threading.Thread(target=function, args=args, daemon=True,
                     name="ferry-blocking").start()


async def run(function: Callable[[], T],
              undo: Optional[Callable[[T], object]] = None) -> T:
    """Runs a function elsewhere. `undo` gets the result that nobody waited
    for, because the task had been cancelled."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Optional[T], error: Optional[BaseException]) -> None:
        if future.cancelled():
            if error is None and undo is not None:
                start(undo, result)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:    # the loop has been closed
            if error is None and undo is not None:
                undo(result)  # type: ignore[arg-type]

    start(work)
    try:
        return await future
    except asyncio.CancelledError:
        # It may have come in between the result and the task's next step.
        if (undo is not None and not future.cancelled() and future.done()
                and future.exception() is None):
            start(undo, future.result())
        raise


class Reaper:
    """Runs what finalizers must not: they may come at any moment, with any
    lock held, and neither block nor start a thread. Its thread is started by
    who makes what will have a finalizer."""

    def __init__(self) -> None:
        self.forked()

    def forked(self) -> None:
        """In a child there is no thread, and nothing to do."""
        # Its put() may interrupt another one on the same thread.
        self._jobs: queue.SimpleQueue[Callable[[], object]] = (
            queue.SimpleQueue())
        self._lock = threading.Lock()
        self._started = False

    def prepare(self) -> None:
        """Starts the thread, once."""
        with self._lock:
            if not self._started:
                threading.Thread(target=self._work, args=(self._jobs,),
                                 daemon=True, name="ferry-reaper").start()
                self._started = True

    def put(self, job: Callable[[], object]) -> None:
        """Runs a function soon."""
        self._jobs.put(job)

    @staticmethod
    def _work(jobs: queue.SimpleQueue[Callable[[], object]]) -> None:
        while True:
            jobs.get()()


reaper = Reaper()

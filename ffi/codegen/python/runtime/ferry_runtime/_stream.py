"""Events and the watchdog's notices, for loops and for threads.

Each stream is an inbox of its own, bounded by Ferry's own ring: a reader that
is too slow meets the context's policy, as any other does. By the default,
`drop_oldest`, it loses events, and .dropped says how many; by `stuck` and
`block` the library is refused, or waits.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import threading
import time
from ctypes import byref, c_int, c_uint64
from typing import (Callable, Deque, Generic, Mapping, NamedTuple, Optional,
                    Sequence, TypeVar, cast)

from . import _given
from ._batch import Batch
from ._c import (ATTACH_EVENTS, ATTACH_LIVENESS, EBUSY, EFORKED, EINTR,
                 ESTALE, ETIMEDOUT, KIND_CLOSED, KIND_EVENT, KIND_HELD,
                 KIND_NOT_RESPONDING, KIND_OVERLOADED, KIND_RESPONDING,
                 AttachOptions, Completion, copy, generation, lib)
from ._errors import check, checked, error_of
from ._final import Finalizer
from ._health import level_name

T = TypeVar("T")

_KINDS = {KIND_NOT_RESPONDING: "not_responding",
          KIND_RESPONDING: "responding", KIND_OVERLOADED: "overloaded",
          KIND_HELD: "held"}
_BATCH = 32

# A signal that lands after Python last looked for one, and before a wait
# sleeps, interrupts nothing. So where Python runs signal handlers, the main
# thread, no sleep is longer than this.
SLICE_MS = 250


def slice_ms(end: Optional[float]) -> int:
    """For how long to sleep at once, to wait until `end` (monotonic)."""
    ms = -1
    if end is not None:
        ms = max(0, int((end - time.monotonic()) * 1000) + 1)
    if threading.current_thread() is threading.main_thread():
        ms = SLICE_MS if ms < 0 else min(ms, SLICE_MS)
    return ms


class Notice(NamedTuple):
    """What the watchdog says of a context whose thread does not come back."""

    kind: str               #: not_responding, responding, overloaded, held
    level: str              #: slow, stalled, wedged, fatal
    method: Optional[str]   #: of the call in hand
    seconds: float          #: for how long
    depth: int              #: calls that wait behind it
    verdict: str            #: what holds it, as far as can be seen
    report: str             #: all that is known, for people


def _notice(item: Completion) -> Callable[[], Notice]:
    return functools.partial(
        Notice, _KINDS[item.kind], level_name(item.level),
        item.name.decode() if item.name else None, item.age_ns / 1e9,
        item.depth, lib.verdict_name(item.status),
        copy(item.data, item.size).split(b"\0")[0].decode("utf-8", "replace"))


def _close(token: int, made: int) -> None:
    if made == generation():
        lib.inbox_close(None, token)


class Source(_given.Unique, Generic[T]):
    """An inbox that hears one context, and what has been taken from it."""

    def __init__(self, context: int, decode: Optional[
            Mapping[int, Callable[[bytes], T]]], capacity: int) -> None:
        capacity = _given.capacity(capacity)
        #: Events lost because they were not taken in time.
        self.dropped = 0
        self._decode = decode
        # Decoded when they are asked for: what fails then is one event's.
        self._ready: Deque[Callable[[], T]] = collections.deque()
        self._ended = False     # nothing is taken any more
        self._over = False      # its context has been closed
        self._generation = generation()
        self._batch = Batch(_BATCH)
        token = c_uint64()
        check(lib.inbox_open(byref(token), None))
        self._token = token.value
        self._finalizer = Finalizer(
            self, _close, self._token, self._generation)
        try:
            checked(lib.inbox_attach(self._token, context, byref(AttachOptions(
                flags=ATTACH_LIVENESS if decode is None else ATTACH_EVENTS,
                event_capacity=capacity))))
        except BaseException:
            self._finalizer()
            raise

    def close(self) -> None:
        """Hears no more; what is on its way is lost."""
        self._ended = True
        self._leave()

    def _leave(self) -> None:
        """Closes the inbox. Where a reader on another thread has it in hand,
        that is called away, and does so when it sees the end."""
        if (self._finalizer.alive and self._generation == generation()
                and lib.inbox_close(None, self._token) == EBUSY):
            lib.inbox_wake(self._token)
        else:
            self._finalizer.detach()

    def _take(self) -> bool:
        """Takes what there is; False if there is nothing to be had."""
        if self._ended:
            return False
        if self._generation != generation():
            raise error_of(EFORKED)
        if self._over:
            self._ended = True
            self._leave()
            return False
        n = self._batch.take(self._token)
        if n < 0 and self._ended:
            return False    # closed by another thread, just now
        check(n)
        self._hear(self._batch.items[:n])
        self._batch.give_back()
        return n > 0

    def _hear(self, items: Sequence[Completion]) -> None:
        """All of them, or none: if a signal handler raises, none."""
        ready: Deque[Callable[[], T]] = collections.deque()
        over, dropped = False, self.dropped
        for item in items:
            if item.kind == KIND_CLOSED:
                over = True
            elif item.kind == KIND_EVENT and self._decode is not None:
                dropped += item.count
                decode = self._decode.get(item.code)
                if decode is not None:
                    ready.append(functools.partial(
                        decode, copy(item.data, item.size)))
            elif item.kind in _KINDS and self._decode is None:
                ready.append(cast(Callable[[], T], _notice(item)))
        n = len(items)
        # Here nothing is called, in which a handler might raise. Nothing is
        # ready: who asks for more has taken everything.
        self._ready = ready
        self._over = over
        self.dropped = dropped
        self._batch.spent = n


class Stream(Source[T]):
    """An async iterator; it ends when its context is closed, or by close().
    For one reader, on one loop."""

    def __init__(self, context: int, decode: Optional[
            Mapping[int, Callable[[bytes], T]]], capacity: int) -> None:
        super().__init__(context, decode, capacity)
        self._waiter: Optional[asyncio.Future[None]] = None

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            if self._take():
                # A reader that always finds something lets others run too,
                # and can be cancelled.
                await asyncio.sleep(0)
            elif self._ended:
                raise StopAsyncIteration
            else:
                await self._wait()
        return self._ready.popleft()()

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("a stream has one reader")
        loop = asyncio.get_running_loop()
        fd = c_int()
        check(lib.inbox_fd(byref(fd), self._token))
        # Watched only while somebody waits: what nobody takes stays where it
        # is, and wakes no loop.
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiter = waiter
        loop.add_reader(fd.value, self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            if not self._ended and not loop.is_closed():
                loop.remove_reader(fd.value)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Hears no more. On the loop's thread."""
        if self._waiter is not None and not self._ended:
            fd = c_int()
            if lib.inbox_fd(byref(fd), self._token) == 0:
                self._waiter.get_loop().remove_reader(fd.value)
        super().close()
        self._wake()

    async def __aenter__(self) -> Stream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class BlockingStream(Source[T]):
    """An iterator; it ends when its context is closed, by close() (of any
    thread), or when nothing has come for `timeout` seconds. For one thread."""

    def __init__(self, context: int, decode: Optional[
            Mapping[int, Callable[[bytes], T]]], capacity: int,
            timeout: Optional[float]) -> None:
        super().__init__(context, decode, capacity)
        self.timeout = _given.seconds(timeout)

    def __iter__(self) -> BlockingStream[T]:
        return self

    def __next__(self) -> T:
        end = None if self.timeout is None else time.monotonic() + self.timeout
        while not self._ready:
            if self._take():
                continue
            if self._ended:
                self._leave()
                raise StopIteration
            r = lib.inbox_wait(self._token, slice_ms(end))
            # Between these two Python runs its signal handlers.
            if r == ETIMEDOUT:
                if end is not None and time.monotonic() >= end:
                    raise StopIteration
            elif r == ESTALE:
                raise StopIteration     # closed by another thread
            elif r != EINTR:
                check(r)
        return self._ready.popleft()()

    def __enter__(self) -> BlockingStream[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

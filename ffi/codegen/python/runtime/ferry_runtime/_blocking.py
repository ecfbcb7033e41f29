"""Contexts for threads that wait."""

from __future__ import annotations

import time
from ctypes import byref, c_uint64
from types import TracebackType
from typing import (Any, Callable, Mapping, Optional, Type, TypeVar, overload)

from . import _futures, _given
from ._c import (CLOSE_CANCEL, CLOSE_DRAIN, ECANCELED, ECLOSED, EINTR,
                 ETIMEDOUT, Reply, RequestOptions, copy, lib)
from ._context import Base, Unfinished
from ._errors import (Errors, FerryError, check, error_of, refusal, text_of,
                      timed_out)
from ._futures import Future, Taker
from ._stream import BlockingStream, Notice, slice_ms

T = TypeVar("T")
Self = TypeVar("Self", bound="BlockingContext")

# A reply's status until there is one; C writes it with the reply.
_NO_REPLY = -2 ** 31

# For how long an exception waits for the reply of the call that it cancels.
_PATIENCE = 5.0


class BlockingContext(Base):
    """A context that threads wait for; any number of them at a time."""

    # That hears of this context's replies.
    _taker: Optional[Taker] = None

    @overload
    def request(self, function: int, block: bytes,
                decode: Callable[[bytes], T], *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> T: ...

    @overload
    def request(self, function: int, block: bytes = b"",
                decode: None = None, *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> bytes: ...

    def request(self, function: int, block: bytes = b"",
                decode: Optional[Callable[[bytes], Any]] = None, *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> Any:
        """Calls, and waits for the results.

        Ctrl-C, or anything else that a signal handler raises, cancels the call
        and waits a while for its end; a second Ctrl-C does not wait. After
        `timeout` seconds the call is cancelled, and TimedOutError raised.
        """
        timeout = _given.seconds(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        # It exists before the request does: whenever an exception comes, the
        # token is where _give_up() finds it.
        token = c_uint64()
        try:
            self._submit(token, function, block, lane, timeout)
            status, data = _wait(token, end)
        except BaseException:
            _give_up(token, decode)
            raise
        if (status == ECANCELED and end is not None
                and time.monotonic() >= end):
            raise timed_out()   # it had been started, so Ferry cancels it
        if status:
            raise (errors or self.package.errors).make(status, text_of(data))
        return decode(data) if decode else data

    @overload
    def start(self, function: int, block: bytes,
              decode: Callable[[bytes], T], *,
              timeout: Optional[float] = None, lane: int = 0,
              errors: Optional[Errors] = None) -> Future[T]: ...

    @overload
    def start(self, function: int, block: bytes = b"",
              decode: None = None, *,
              timeout: Optional[float] = None, lane: int = 0,
              errors: Optional[Errors] = None) -> Future[bytes]: ...

    def start(self, function: int, block: bytes = b"",
              decode: Optional[Callable[[bytes], Any]] = None, *,
              timeout: Optional[float] = None, lane: int = 0,
              errors: Optional[Errors] = None) -> Future[Any]:
        """Calls, and waits for nothing: a future of concurrent.futures, which
        any thread may wait for, and whose cancel() cancels the call. After
        `timeout` seconds that is done too, and it fails with TimedOutError.
        Where a queue is full AgainError is raised.
        """
        if self._closed:
            raise error_of(ECLOSED)
        taker = _futures.taker()
        if self._taker is not taker:
            taker.attach(self.token)
            self._taker = taker
        future: Future[Any] = Future(decode, errors or self.package.errors)
        try:
            taker.submit(future, self, function, block, lane, timeout)
        except BaseException:
            future.cancel()     # Ctrl-C, say, when it was on its way
            raise
        return future

    def _submit(self, token: c_uint64, function: int, block: bytes, lane: int,
                timeout: Optional[float]) -> None:
        options = RequestOptions(lane=_given.lane(lane) if lane else 0)
        if timeout is not None:
            options.deadline_ns = lib.clock_ns() + max(1, int(timeout * 1e9))
        r = lib.request_submit(byref(token), self.token, function, block,
                               len(block), byref(options))
        if r:
            raise refusal(r)

    def events(self, decode: Mapping[int, Callable[[bytes], T]], *,
               capacity: int = 0, timeout: Optional[float] = None
               ) -> BlockingStream[T]:
        """The events of these ids from now on, as their functions make them.
        The iterator ends when nothing has come for `timeout` seconds; it may
        be gone on with."""
        return BlockingStream(self.token, decode, capacity, timeout)

    def notices(self, *, timeout: Optional[float] = None
                ) -> BlockingStream[Notice]:
        """What the watchdog says from now on."""
        return BlockingStream(self.token, None, 0, timeout)

    def close(self, mode: int = CLOSE_DRAIN, timeout: Optional[float] = None
              ) -> Optional[Unfinished]:
        """Closes the context: see CloseMode. After `timeout` seconds what has
        not ended is left behind, and told of; closing again waits for it."""
        return self._close(mode, timeout)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if not self._closed:
            self._close(CLOSE_DRAIN if kind is None else CLOSE_CANCEL, None)


def _wait(token: c_uint64, end: Optional[float]) -> Any:
    """(status, data). Whatever is raised, the token is 0 if it was taken."""
    reply = Reply(status=_NO_REPLY)
    try:
        while True:
            r = lib.request_wait(byref(reply), token, slice_ms(end))
            # Between these two Python runs its signal handlers.
            if r == ETIMEDOUT:
                if end is not None and time.monotonic() >= end:
                    raise timed_out()
            elif r != EINTR:
                check(r)
                return reply.status, copy(reply.data, reply.size)
    finally:
        if reply.status != _NO_REPLY:
            token.value = 0
            lib.block_release(reply.data)


def _give_up(token: c_uint64, decode: Optional[Callable[[bytes], Any]]) -> None:
    """Cancels what is on its way, and waits a while for its reply."""
    if not token.value:
        return
    lib.request_cancel(token)
    try:
        status, data = _wait(token, time.monotonic() + _PATIENCE)
        if status == 0 and decode:
            decode(data)    # a handle that is in it is released with it
    except FerryError:
        pass                # the call goes on, and nobody waits
    finally:
        if token.value:
            lib.request_release(token)
            token.value = 0

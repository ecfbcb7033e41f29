"""timer for threads that wait.

Ctrl-C cancels the call that the main thread waits for.
"""

from __future__ import annotations

import datetime
from typing import Optional

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from .types import OnTick, Rhythm

__all__ = ["Timer"]


class Timer(_binding.BlockingRoot):
    """Tells when time has passed."""

    @classmethod
    def open(
            cls, *, options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> Timer:
        call = _library.call_timer_open
        block = call.encode()
        return _binding.open_blocking(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout)

    def echo(
            self, text: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> str:
        """Answers at once, with what it is told."""
        call = _library.call_timer_echo
        result: str = self._context.request(
            call.id, call.encode(text), call.decode, timeout=timeout,
            lane=lane)
        return result

    def after(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None, lane: int = 0) -> str:
        """Answers when some time has passed, from a thread of the library's own."""
        call = _library.call_timer_after
        result: str = self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)
        return result

    def delay(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None, lane: int = 0) -> str:
        """The same, as a strand."""
        call = _library.call_timer_delay
        result: str = self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)
        return result

    def hold(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None, lane: int = 0) -> str:
        """The same, and nobody else is served meanwhile: how not to do it."""
        call = _library.call_timer_hold
        result: str = self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)
        return result

    def schedule(
            self, rhythm: Rhythm, *, timeout: Optional[float] = None,
            lane: int = 0) -> None:
        """Ticks, and answers after the last."""
        call = _library.call_timer_schedule
        result: None = self._context.request(
            call.id, call.encode(rhythm), call.decode, timeout=timeout,
            lane=lane)
        return result

    def on_tick(
            self, *, capacity: int = 0, timeout: Optional[float] = None
            ) -> _ferry.BlockingStream[OnTick]:
        """A schedule's. @param number From 1.

        From now on; `capacity`, a power of two, is how many may wait to be
        taken. It ends when nothing has come for `timeout` seconds.
        """
        call = _library.call_timer_on_tick
        return self._context.events({call.id: call.decode}, capacity=capacity,
                                    timeout=timeout)

    @property
    def futures(self) -> _TimerFutures:
        """The same methods, each of which returns a future at once."""
        return _TimerFutures(self)


class _TimerFutures:
    """The methods of Timer. Each returns a future at once, of
    concurrent.futures: result() waits, and cancel() cancels the call."""

    def __init__(self, of: Timer) -> None:
        self._of = of

    def echo(
            self, text: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """Answers at once, with what it is told."""
        call = _library.call_timer_echo
        return self._of.context.start(
            call.id, call.encode(text), call.decode, timeout=timeout,
            lane=lane)

    def after(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """Answers when some time has passed, from a thread of the library's own."""
        call = _library.call_timer_after
        return self._of.context.start(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def delay(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """The same, as a strand."""
        call = _library.call_timer_delay
        return self._of.context.start(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def hold(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """The same, and nobody else is served meanwhile: how not to do it."""
        call = _library.call_timer_hold
        return self._of.context.start(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def schedule(
            self, rhythm: Rhythm, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[None]:
        """Ticks, and answers after the last."""
        call = _library.call_timer_schedule
        return self._of.context.start(
            call.id, call.encode(rhythm), call.decode, timeout=timeout,
            lane=lane)

"""timer on asyncio loops."""

from __future__ import annotations

import datetime
from typing import Optional

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from .types import OnTick, Rhythm


class Timer(_binding.Root):
    """Tells when time has passed."""

    @classmethod
    def open(
            cls, *, options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> _binding.Opening[Timer]:
        call = _library.call_timer_open
        block = call.encode()
        return _binding.Opening(_binding.open_root(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout))

    def echo(
            self, text: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """Answers at once, with what it is told."""
        call = _library.call_timer_echo
        return self._context.request(
            call.id, call.encode(text), call.decode, timeout=timeout,
            lane=lane)

    def after(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """Answers when some time has passed, from a thread of the library's own."""
        call = _library.call_timer_after
        return self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def delay(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """The same, as a strand."""
        call = _library.call_timer_delay
        return self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def hold(
            self, delay: datetime.timedelta, text: str, *,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """The same, and nobody else is served meanwhile: how not to do it."""
        call = _library.call_timer_hold
        return self._context.request(
            call.id, call.encode(delay, text), call.decode, timeout=timeout,
            lane=lane)

    def schedule(
            self, rhythm: Rhythm, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[None]:
        """Ticks, and answers after the last."""
        call = _library.call_timer_schedule
        return self._context.request(
            call.id, call.encode(rhythm), call.decode, timeout=timeout,
            lane=lane)

    def on_tick(self, *, capacity: int = 0) -> _ferry.Stream[OnTick]:
        """A schedule's. @param number From 1.

        From now on; `capacity`, a power of two, is how many may wait to be
        taken.
        """
        call = _library.call_timer_on_tick
        return self._context.events({call.id: call.decode}, capacity=capacity)

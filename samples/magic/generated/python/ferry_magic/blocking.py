"""magic for threads that wait.

Ctrl-C cancels the call that the main thread waits for.
"""

from __future__ import annotations

from typing import Optional, Union

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from ._functions import version
from .types import What

__all__ = ["Cookie", "version"]


class Cookie(_binding.BlockingRoot):
    """Knows files by what is in them."""

    @classmethod
    def open(
            cls, *, flags: Union[What, int] = What.TEXT,
            options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> Cookie:
        """Opens one; load() comes next."""
        call = _library.call_cookie_open
        block = call.encode(flags)
        return _binding.open_blocking(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout)

    def load(
            self, *, path: Optional[str] = None,
            timeout: Optional[float] = None, lane: int = 0) -> None:
        """Reads the descriptions of types. @param path None: those installed."""
        call = _library.call_cookie_load
        result: None = self._context.request(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)
        return result

    def file(
            self, path: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> str:
        """What is in a file."""
        call = _library.call_cookie_file
        result: str = self._context.request(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)
        return result

    def buffer(
            self, data: bytes, *, timeout: Optional[float] = None,
            lane: int = 0) -> str:
        """What is in these bytes."""
        call = _library.call_cookie_buffer
        result: str = self._context.request(
            call.id, call.encode(data), call.decode, timeout=timeout,
            lane=lane)
        return result

    def setflags(
            self, flags: Union[What, int], *, timeout: Optional[float] = None,
            lane: int = 0) -> None:
        """What is told from now on."""
        call = _library.call_cookie_setflags
        result: None = self._context.request(
            call.id, call.encode(flags), call.decode, timeout=timeout,
            lane=lane)
        return result

    @property
    def futures(self) -> _CookieFutures:
        """The same methods, each of which returns a future at once."""
        return _CookieFutures(self)


class _CookieFutures:
    """The methods of Cookie. Each returns a future at once, of
    concurrent.futures: result() waits, and cancel() cancels the call."""

    def __init__(self, of: Cookie) -> None:
        self._of = of

    def load(
            self, *, path: Optional[str] = None,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[None]:
        """Reads the descriptions of types. @param path None: those installed."""
        call = _library.call_cookie_load
        return self._of.context.start(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)

    def file(
            self, path: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """What is in a file."""
        call = _library.call_cookie_file
        return self._of.context.start(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)

    def buffer(
            self, data: bytes, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[str]:
        """What is in these bytes."""
        call = _library.call_cookie_buffer
        return self._of.context.start(
            call.id, call.encode(data), call.decode, timeout=timeout,
            lane=lane)

    def setflags(
            self, flags: Union[What, int], *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[None]:
        """What is told from now on."""
        call = _library.call_cookie_setflags
        return self._of.context.start(
            call.id, call.encode(flags), call.decode, timeout=timeout,
            lane=lane)

"""magic on asyncio loops."""

from __future__ import annotations

from typing import Optional, Union

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from .types import What


class Cookie(_binding.Root):
    """Knows files by what is in them."""

    @classmethod
    def open(
            cls, *, flags: Union[What, int] = What.TEXT,
            options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> _binding.Opening[Cookie]:
        """Opens one; load() comes next."""
        call = _library.call_cookie_open
        block = call.encode(flags)
        return _binding.Opening(_binding.open_root(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout))

    def load(
            self, *, path: Optional[str] = None,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[None]:
        """Reads the descriptions of types. @param path None: those installed."""
        call = _library.call_cookie_load
        return self._context.request(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)

    def file(
            self, path: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """What is in a file."""
        call = _library.call_cookie_file
        return self._context.request(
            call.id, call.encode(path), call.decode, timeout=timeout,
            lane=lane)

    def buffer(
            self, data: bytes, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[str]:
        """What is in these bytes."""
        call = _library.call_cookie_buffer
        return self._context.request(
            call.id, call.encode(data), call.decode, timeout=timeout,
            lane=lane)

    def setflags(
            self, flags: Union[What, int], *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[None]:
        """What is told from now on."""
        call = _library.call_cookie_setflags
        return self._context.request(
            call.id, call.encode(flags), call.decode, timeout=timeout,
            lane=lane)

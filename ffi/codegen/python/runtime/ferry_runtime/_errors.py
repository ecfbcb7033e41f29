"""Ferry's errors, and the libraries', as exceptions."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Dict, Mapping, Optional, Type, cast

from ._c import ECLOSED, EDEADLINE, ERRORS, ESTALE, lib


class FerryError(Exception):
    """One of Ferry's own errors: .code is negative, .name is its C name."""

    code: int = 0
    name: str = ""

    def __init__(self, code: int, text: Optional[str] = None) -> None:
        super().__init__(code, text or lib.error_text(code))
        self.code = code
        self.name = lib.error_name(code)

    def __str__(self) -> str:
        return str(self.args[1])


class LibraryError(Exception):
    """A positive status: a library's own error, with its .code."""

    code: int = 0

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.text or "status %d" % self.code


class InvalidError(FerryError):
    """An argument cannot be right."""


class StaleError(FerryError):
    """The context, handle or request no longer exists."""


class ForeignError(FerryError):
    """The handle belongs to another context."""


class NoMemoryError(FerryError, MemoryError):
    """Out of memory."""


class AgainError(FerryError):
    """A queue is full."""


class TooBigError(FerryError):
    """The arguments are over the bound of a request."""


class ClosedError(FerryError):
    """The context is closed or closing."""


class QuiescedError(ClosedError):
    """The process is ending."""


class DeadlockError(FerryError):
    """Waiting for this would never end."""


class CanceledError(FerryError):
    """The call was cancelled, and not by the task that waits for it."""


class InitError(FerryError):
    """The library could not be opened."""


class StuckError(FerryError):
    """Refused while nobody takes the library's events."""


class LostError(FerryError):
    """The thread that ran the call has ended."""


class ForkedError(FerryError):
    """It was opened before a fork, and this is the child."""


class NotSupportedError(FerryError):
    """Not available here."""


class LoadError(ImportError):
    """A library is not the one that its package was made for."""


if sys.version_info >= (3, 11):
    class TimedOutError(FerryError, TimeoutError):
        """The timeout passed."""
else:
    class TimedOutError(FerryError, asyncio.TimeoutError, TimeoutError):
        """The timeout passed."""


_CLASSES: Dict[str, Type[FerryError]] = {
    "EINVAL": InvalidError, "ESTALE": StaleError, "EFOREIGN": ForeignError,
    "ENOMEM": NoMemoryError, "EAGAIN": AgainError, "E2BIG": TooBigError,
    "ECLOSED": ClosedError, "EQUIESCED": QuiescedError,
    "EDEADLK": DeadlockError, "ETIMEDOUT": TimedOutError,
    "ECANCELED": CanceledError, "EDEADLINE": TimedOutError,
    "EINIT": InitError, "ESTUCK": StuckError, "ELOST": LostError,
    "ENOTSUP": NotSupportedError, "EFORKED": ForkedError,
}
_BY_CODE = {-1 - i: _CLASSES[name] for i, name in enumerate(ERRORS)
            if name in _CLASSES}


def timed_out() -> FerryError:
    """The exception for a call that has not ended in its time."""
    return error_of(EDEADLINE, "the timeout has passed")


def error_of(code: int, text: Optional[str] = None) -> FerryError:
    """The exception for one of Ferry's error numbers."""
    return _BY_CODE.get(code, FerryError)(code, text)


def refusal(code: int) -> FerryError:
    """The exception for a submit that was refused."""
    if code == EDEADLINE:
        return timed_out()
    # A token that has gone stale is of one that has been closed.
    return error_of(ECLOSED if code == ESTALE else code)


def check(result: int) -> int:
    """Raises what a call returned, unless it is 0 or a count."""
    if result < 0:
        raise error_of(result)
    return result


def checked(result: int) -> None:
    """The same for what is done with a context: one that is stale has been
    closed."""
    if result:
        raise refusal(result)


class Errors:
    """What statuses mean: the package's classes, or its base class."""

    def __init__(self, classes: Mapping[int, Type[BaseException]],
                 base: Type[BaseException]) -> None:
        self._classes = dict(classes)
        self._base = base

    def make(self, status: int, text: str) -> BaseException:
        """The exception for a reply's status, which is not 0."""
        if status == EDEADLINE:
            return timed_out()
        if status < 0:
            return error_of(status, text or None)
        # Every class takes a code and a text, as LibraryError does.
        made = cast(Any, self._classes.get(status, self._base))
        return cast(BaseException, made(status, text))


def text_of(data: bytes) -> str:
    """A reply's text, which ends with a zero byte."""
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")

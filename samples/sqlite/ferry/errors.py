"""Ferry's errors as exceptions."""

from .c import ERRORS, lib


class FerryError(Exception):
    """One of Ferry's own errors: .code is negative, .name is its C name."""

    code = 0

    def __init__(self, code, text=None):
        self.code = code
        self.name = lib.error_name(code).decode()
        super().__init__(text or lib.error_text(code).decode())


class StaleError(FerryError):
    """The context, handle or request no longer exists."""


class ForeignError(FerryError):
    """The token belongs to another context."""


class AgainError(FerryError):
    """A queue is full; on a loop, submit() waits instead of raising it."""


class TooBigError(FerryError):
    """The payload is over the bound."""


class ClosedError(FerryError):
    """The context or inbox is closed or closing."""


class TimedOutError(FerryError, TimeoutError):
    """The timeout passed."""


class CanceledError(FerryError):
    """The request was cancelled (the asyncio task was not)."""


class DeadlineError(FerryError):
    """The deadline passed before the request was started."""


class NoMethodError(FerryError):
    """The library has no such method."""


class LibraryError(Exception):
    """A positive status: the library's own error."""

    def __init__(self, code, text):
        self.code = code
        super().__init__(text)


_CLASSES = {
    "ESTALE": StaleError, "EFOREIGN": ForeignError, "EAGAIN": AgainError,
    "E2BIG": TooBigError, "ECLOSED": ClosedError, "ETIMEDOUT": TimedOutError,
    "ECANCELED": CanceledError, "EDEADLINE": DeadlineError,
    "ENOMETHOD": NoMethodError,
}
_BY_CODE = {-1 - i: _CLASSES[name] for i, name in enumerate(ERRORS)
            if name in _CLASSES}


def error_of(code, text=None):
    """The exception for one of Ferry's error numbers."""
    return _BY_CODE.get(code, FerryError)(code, text)


def check(result):
    """Raises what a call returned, unless it is 0 or a count."""
    if result < 0:
        raise error_of(result)
    return result


def raise_for(status, data, of_library=LibraryError):
    """Raises for a reply whose status is not 0; data may be a message."""
    if status:
        text = data.rstrip(b"\0").decode(errors="replace") or None
        if status < 0:
            raise error_of(status, text)
        raise of_library(status, text or "status %d" % status)

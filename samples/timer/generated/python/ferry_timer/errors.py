"""What timer may fail with.

Ferry's own errors are those of ferry_runtime.
"""

from ferry_runtime import LibraryError


class TimerError(LibraryError):
    """A failure that timer tells of: .code, and as a text why."""


class NoResources(TimerError):
    """No memory, or no thread."""

    code = 1


class Jitter(TimerError):
    """More jitter than there is period."""

    code = 2


class Interrupted(TimerError):
    """It ended before its time."""

    code = 3

"""timer for Python.

Classes whose methods return awaitable futures: a call is on its way when its
method has returned; to cancel the task that awaits it cancels the call. Every
call takes timeout=, in seconds, and lane=: calls of one lane start in order,
and 0 is the calling thread. `ferry_timer.blocking` has the same for threads
that wait.
"""

from . import blocking, errors, types
from ._aio import Timer
from .errors import Interrupted, Jitter, NoResources, TimerError
from .types import ErrorCode, OnTick, Rhythm

__all__ = [
    "ErrorCode",
    "Interrupted",
    "Jitter",
    "NoResources",
    "OnTick",
    "Rhythm",
    "Timer",
    "TimerError",
    "blocking",
    "errors",
    "types",
]

"""magic for Python.

Classes whose methods return awaitable futures: a call is on its way when its
method has returned; to cancel the task that awaits it cancels the call. Every
call takes timeout=, in seconds, and lane=: calls of one lane start in order,
and 0 is the calling thread. `ferry_magic.blocking` has the same for threads
that wait.
"""

from . import blocking, errors, types
from ._aio import Cookie
from ._functions import version
from .errors import MagicError
from .types import What

__all__ = [
    "Cookie",
    "MagicError",
    "What",
    "version",
    "blocking",
    "errors",
    "types",
]

"""What the Python packages that `ferry gen` writes stand on.

    package = load("libtimer.so", "timer", functions={…}, records={…})
    async with await package.open(0, 0, block) as context:
        reply = await context.request(ECHO, block, decode, timeout=1)

No Python code ever runs on a thread of Ferry's, so nothing here depends on what
the interpreter is doing: a loop that is late is late, no more.

In a forked child (multiprocessing's "fork", os.fork) what the parent had opened
raises ForkedError, and closing it does nothing; the child opens its own.
"""

from __future__ import annotations

import atexit as _atexit
import os as _os

from . import _context, _futures, _inbox, _thread
from ._blocking import BlockingContext
from ._c import (FUNCTION_CONSTRUCTOR as CONSTRUCTOR,
                 FUNCTION_DIRECT as DIRECT, FUNCTION_EVENT as EVENT,
                 FUNCTION_METHOD as METHOD)
from ._context import CloseMode, Context, Unfinished
from ._errors import (AgainError, CanceledError, ClosedError, DeadlockError,
                      Errors, FerryError, ForeignError, ForkedError,
                      InitError, InvalidError, LibraryError, LoadError,
                      LostError, NoMemoryError, NotSupportedError,
                      QuiescedError, StaleError, StuckError, TimedOutError,
                      TooBigError)
from ._futures import Future
from ._handle import Handle
from ._health import Health
from ._inbox import Request
from ._package import Function, Layout, OpenOptions, Package, load
from ._stream import BlockingStream, Notice, Stream
from ._version import __version__

__all__ = [
    "AgainError", "BlockingContext", "BlockingStream", "CONSTRUCTOR",
    "CanceledError", "CloseMode", "ClosedError", "Context", "DIRECT",
    "DeadlockError", "EVENT", "Errors", "FerryError", "ForeignError",
    "ForkedError", "Function", "Future", "Handle", "Health", "InitError",
    "InvalidError", "Layout", "LibraryError", "LoadError", "LostError",
    "METHOD", "NoMemoryError", "NotSupportedError", "Notice", "OpenOptions",
    "Package", "QuiescedError", "Request", "StaleError", "Stream",
    "StuckError", "TimedOutError", "TooBigError", "Unfinished",
    "__version__", "load",
]


def _forked() -> None:
    _context.forked()
    _inbox.forked()
    _futures.forked()
    _thread.reaper.forked()


_os.register_at_fork(after_in_child=_forked)

# Of all contexts together: a call that does not come back is not waited for any
# longer. Whoever wants another end closes them.
_atexit.register(_context.at_exit, 0.7)

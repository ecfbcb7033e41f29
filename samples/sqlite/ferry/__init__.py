"""Ferry for Python: the runtime's binding, by ctypes, standard library only.

Blocking, from any thread (Ctrl-C works):

    status, data = context.invoke(METHOD, payload)

On an asyncio loop, all replies, events and notices of which come through one
inbox:

    async with Inbox() as inbox:
        inbox.attach(context, events=True, liveness=True)
        status, data = await inbox.submit(context, METHOD, payload)

No Python code ever runs on a thread of Ferry's, so nothing here depends on
what the interpreter is doing: a loop that is late is late, no more.

The library is found by the environment's FERRY_LIBRARY, or as
build/libferry.so in this folder or one above it, or by the system's loader.
"""

import atexit

from .c import (
    CLOSE_ABANDON, CLOSE_CANCEL, CLOSE_DRAIN, KIND_NOT_RESPONDING,
    KIND_RESPONDING, KIND_STALE, LEVEL_FATAL, LEVEL_SLOW, LEVEL_STALLED,
    LEVEL_WEDGED, LEVELS, OFF, UNBOUNDED, ContextOptions, Levels, Sized, lib)
from .context import Context, Handle, Waiting, deadline_in
from .errors import (
    AgainError, CanceledError, ClosedError, DeadlineError, FerryError,
    ForeignError, LibraryError, NoMethodError, StaleError, TimedOutError,
    TooBigError, check, error_of, raise_for)
from .inbox import Event, Inbox, Notice, Request, Stream

# Before the interpreter goes down no handler may still be running in it.
atexit.register(lib.quiesce, 2000)

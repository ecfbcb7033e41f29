"""sqlite for Python.

Classes whose methods return awaitable futures: a call is on its way when its
method has returned; to cancel the task that awaits it cancels the call. Every
call takes timeout=, in seconds, and lane=: calls of one lane start in order,
and 0 is the calling thread. `ferry_sqlite.blocking` has the same for threads
that wait.
"""

from . import blocking, errors, types
from ._aio import Database, Statement
from .errors import (
    Abort, Auth, Busy, CannotOpen, Constraint, Corrupt, Error, Full, Internal,
    Interrupt, Io, Locked, Mismatch, Misuse, NoLfs, NoMemory, NotADatabase,
    NotFound, Perm, Protocol, Range, ReadOnly, Schema, SqliteError, TooBig)
from .types import (
    About, Cell, Changes, ErrorCode, Mode, OnRowChanged, Operation, Rows, Type)

__all__ = [
    "Abort",
    "About",
    "Auth",
    "Busy",
    "CannotOpen",
    "Cell",
    "Changes",
    "Constraint",
    "Corrupt",
    "Database",
    "Error",
    "ErrorCode",
    "Full",
    "Internal",
    "Interrupt",
    "Io",
    "Locked",
    "Mismatch",
    "Misuse",
    "Mode",
    "NoLfs",
    "NoMemory",
    "NotADatabase",
    "NotFound",
    "OnRowChanged",
    "Operation",
    "Perm",
    "Protocol",
    "Range",
    "ReadOnly",
    "Rows",
    "Schema",
    "SqliteError",
    "Statement",
    "TooBig",
    "Type",
    "blocking",
    "errors",
    "types",
]

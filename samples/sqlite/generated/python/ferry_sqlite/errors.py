"""What sqlite may fail with.

Ferry's own errors are those of ferry_runtime.
"""

from ferry_runtime import LibraryError


class SqliteError(LibraryError):
    """A failure that sqlite tells of: .code, and as a text why."""


class Error(SqliteError):
    """The SQL is wrong."""

    code = 1


class Internal(SqliteError):
    """`SQLITE_CODE_INTERNAL`."""

    code = 2


class Perm(SqliteError):
    """`SQLITE_CODE_PERM`."""

    code = 3


class Abort(SqliteError):
    """`SQLITE_CODE_ABORT`."""

    code = 4


class Busy(SqliteError):
    """Another process has a lock."""

    code = 5


class Locked(SqliteError):
    """`SQLITE_CODE_LOCKED`."""

    code = 6


class NoMemory(SqliteError):
    """`SQLITE_CODE_NO_MEMORY`."""

    code = 7


class ReadOnly(SqliteError):
    """`SQLITE_CODE_READ_ONLY`."""

    code = 8


class Interrupt(SqliteError):
    """`SQLITE_CODE_INTERRUPT`."""

    code = 9


class Io(SqliteError):
    """`SQLITE_CODE_IO`."""

    code = 10


class Corrupt(SqliteError):
    """`SQLITE_CODE_CORRUPT`."""

    code = 11


class NotFound(SqliteError):
    """`SQLITE_CODE_NOT_FOUND`."""

    code = 12


class Full(SqliteError):
    """`SQLITE_CODE_FULL`."""

    code = 13


class CannotOpen(SqliteError):
    """`SQLITE_CODE_CANNOT_OPEN`."""

    code = 14


class Protocol(SqliteError):
    """`SQLITE_CODE_PROTOCOL`."""

    code = 15


class Schema(SqliteError):
    """It changed on the way."""

    code = 17


class TooBig(SqliteError):
    """Over a bound."""

    code = 18


class Constraint(SqliteError):
    """`SQLITE_CODE_CONSTRAINT`."""

    code = 19


class Mismatch(SqliteError):
    """`SQLITE_CODE_MISMATCH`."""

    code = 20


class Misuse(SqliteError):
    """`SQLITE_CODE_MISUSE`."""

    code = 21


class NoLfs(SqliteError):
    """`SQLITE_CODE_NO_LFS`."""

    code = 22


class Auth(SqliteError):
    """`SQLITE_CODE_AUTH`."""

    code = 23


class Range(SqliteError):
    """Parameters that do not fit."""

    code = 25


class NotADatabase(SqliteError):
    """`SQLITE_CODE_NOT_A_DATABASE`."""

    code = 26

"""What sqlite's values are in Python."""

from __future__ import annotations

import dataclasses
import enum
from typing import List, NamedTuple, Union


class ErrorCode(enum.IntEnum):
    """SQLite's primary result codes."""

    OK = 0
    #: The SQL is wrong.
    ERROR = 1
    INTERNAL = 2
    PERM = 3
    ABORT = 4
    #: Another process has a lock.
    BUSY = 5
    LOCKED = 6
    NO_MEMORY = 7
    READ_ONLY = 8
    INTERRUPT = 9
    IO = 10
    CORRUPT = 11
    NOT_FOUND = 12
    FULL = 13
    CANNOT_OPEN = 14
    PROTOCOL = 15
    #: It changed on the way.
    SCHEMA = 17
    #: Over a bound.
    TOO_BIG = 18
    CONSTRAINT = 19
    MISMATCH = 20
    MISUSE = 21
    NO_LFS = 22
    AUTH = 23
    #: Parameters that do not fit.
    RANGE = 25
    NOT_A_DATABASE = 26


class Type(enum.IntEnum):
    """SQLite's types."""

    INTEGER = 1
    REAL = 2
    TEXT = 3
    BLOB = 4
    NULL = 5


class Mode(enum.IntEnum):
    """What may be done with a file."""

    READ = 1
    WRITE = 2
    #: Reads and writes; made where there is none.
    CREATE = 6


class Operation(enum.IntEnum):
    """`sqlite_operation`."""

    DELETED = 9
    INSERTED = 18
    UPDATED = 23


@dataclasses.dataclass
class Rows:
    """What a statement gave and did."""

    columns: List[str]
    #: Row by row, a value for each column.
    cells: List[Cell]
    n_rows: int
    #: Rows changed, by triggers too.
    changes: int
    last_rowid: int


@dataclasses.dataclass
class Changes:
    """What a script did."""

    #: Rows, by triggers too.
    changes: int
    last_rowid: int


@dataclasses.dataclass
class About:
    """What a statement is like."""

    n_params: int
    n_columns: int
    #: Does not write to the database.
    readonly: bool


#: One value, to bind or out of a row.
#:
#: - int is `SQLITE_TYPE_INTEGER`
#: - float is `SQLITE_TYPE_REAL`
#: - str is `SQLITE_TYPE_TEXT`
#: - bytes is `SQLITE_TYPE_BLOB`
#: - None is `SQLITE_TYPE_NULL`
Cell = Union[int, float, str, bytes, None]


class OnRowChanged(NamedTuple):
    """A row was changed, as sqlite3_update_hook() tells, with its
    limits. A failing call may take the change back; when who hears
    of it then asks the database, that has been decided.
    """

    operation: Union[Operation, int]
    database: str
    table: str
    rowid: int

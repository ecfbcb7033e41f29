"""SQLite behind Ferry, for Python. The wire is described in sqlite_ferry.h.

Blocking:

    with ferry_sqlite.open("unicode.db") as db:
        rows = db.query("SELECT name FROM codepoint WHERE code = ?", [65])
        print(rows[0][0])

On an asyncio loop:

    async with ferry.Inbox() as inbox:
        adb = ferry_sqlite.AsyncDatabase(db, inbox)
        rows = await adb.query("SELECT name FROM codepoint LIMIT 5")

The wrapper is found by the environment's FERRY_SQLITE_LIBRARY, or as
samples/sqlite/libferry_sqlite.so in libferry's own folder.
"""

import ctypes
import os
import struct

import ferry

EXECUTE, QUERY, PREPARE, RUN = range(4)
INTEGER, FLOAT, TEXT, BLOB, NULL = range(1, 6)
OPERATIONS = {9: "DELETE", 18: "INSERT", 23: "UPDATE"}

_CELL = struct.Struct("=IIq")
_REAL_CELL = struct.Struct("=IId")
_REAL = struct.Struct("=d")
_INTEGER = struct.Struct("=q")
_QUERY = struct.Struct("=QIIIIq")
_CHANGES = struct.Struct("=qq")
_PREPARED = struct.Struct("=QIIII")
_ROWS = struct.Struct("=QQIIqq")
_ROW_CHANGED = struct.Struct("=IIIIq")


class SqliteError(ferry.LibraryError):
    """SQLite's own error; .code is the extended result code."""

    @property
    def primary(self):
        return self.code & 0xff


class _Options(ferry.Sized):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("busy_ms", ctypes.c_uint32), ("path", ctypes.c_char_p),
                ("result_max", ctypes.c_uint64)]


def _load():
    path = os.environ.get("FERRY_SQLITE_LIBRARY") or os.path.join(
        os.path.dirname(ferry.lib.path), "samples", "sqlite",
        "libferry_sqlite.so")
    function = ctypes.CDLL(path).sqlite_ferry_open
    function.argtypes = [ctypes.c_void_p] * 3
    function.restype = ctypes.c_int
    return function


_open = _load()


# -------------------------------------------------------------- the wire

def _encode(text):
    return text.encode("utf-8", "surrogateescape")


def _decode(data):
    return data.decode("utf-8", "surrogateescape")


def pack(sql, params=(), statement=0, sets=None):
    """The payload of query (with sql) or run (with a statement).

    `sets`, a list of sequences as long as each other, takes the place of
    `params`.
    """
    sets = [params] if sets is None else sets
    n_params = len(sets[0]) if sets else 0
    text = b"" if sql is None else _encode(sql)
    cells = bytearray()
    offset = _QUERY.size + len(sets) * n_params * _CELL.size
    extra = [text]
    sql_at = offset
    offset += len(text)
    for values in sets:
        if len(values) != n_params:
            raise ValueError("sets of parameters of different lengths")
        for value in values:
            if value is None:
                cells += _CELL.pack(NULL, 0, 0)
            elif isinstance(value, int):
                cells += _CELL.pack(INTEGER, 0, value)
            elif isinstance(value, float):
                cells += _REAL_CELL.pack(FLOAT, 0, value)
            else:
                kind, data = ((TEXT, _encode(value)) if isinstance(value, str)
                              else (BLOB, bytes(value)))
                cells += _CELL.pack(kind, len(data), offset)
                extra.append(data)
                offset += len(data)
    head = _QUERY.pack(statement, n_params, len(sets),
                       NULL if sql is None else TEXT, len(text), sql_at)
    return b"".join([head, cells] + extra)


class Rows(list):
    """A list of tuples, with .columns, .changes and .last_rowid."""

    def __init__(self, data):
        (_, n_rows, n_columns, _, self.changes,
         self.last_rowid) = _ROWS.unpack_from(data)
        end = _ROWS.size + (n_rows + 1) * n_columns * _CELL.size
        cells = memoryview(data)[_ROWS.size:end]
        values = [self._value(data, *cell) for cell in
                  _CELL.iter_unpack(cells)] if n_columns else []
        self.columns = values[:n_columns]
        super().__init__(
            tuple(values[i:i + n_columns]) for i in
            range(n_columns, len(values), n_columns or 1))

    @staticmethod
    def _value(data, kind, size, value):
        if kind == INTEGER:
            return value
        if kind == TEXT:
            return _decode(data[value:value + size])
        if kind == FLOAT:
            return _REAL.unpack(_INTEGER.pack(value))[0]
        if kind == BLOB:
            return data[value:value + size]
        return None


class Changes:
    """What execute did."""

    __slots__ = ("changes", "last_rowid")

    def __init__(self, data):
        self.changes, self.last_rowid = _CHANGES.unpack(data)


class RowChange:
    """The event row_changed."""

    __slots__ = ("operation", "database", "table", "rowid", "dropped")

    def __init__(self, event):
        operation, database, table, _, self.rowid = _ROW_CHANGED.unpack_from(
            event.data)
        at = _ROW_CHANGED.size
        self.operation = OPERATIONS[operation]
        self.database = _decode(event.data[at:at + database])
        at += database + 1
        self.table = _decode(event.data[at:at + table])
        self.dropped = event.dropped


class Statement(ferry.Handle):
    """A prepared statement; finalized when this object is gone."""

    def __init__(self, data):
        (token, self.n_params, self.n_columns, readonly,
         _) = _PREPARED.unpack(data)
        self.readonly = bool(readonly)
        super().__init__(token)


def _reply(make):
    """How a reply becomes a result."""
    def decode(status, data):
        if status:
            ferry.raise_for(status, data, SqliteError)
        return make(data)
    return decode


_to_changes = _reply(Changes)
_to_rows = _reply(Rows)
_to_statement = _reply(Statement)


def _undo_prepare(status, data):
    """Nobody waits for the statement any more: finalize it."""
    if status == 0:
        Statement(data).release()


# ------------------------------------------------------------- databases

class Database(ferry.Context):
    """One open file; its methods block, and may be called on any thread."""

    def execute(self, sql, **how):
        """Runs any number of statements; no rows."""
        return _to_changes(*self.invoke(EXECUTE, _encode(sql), **how))

    def query(self, sql, params=(), **how):
        """Runs one statement and returns its Rows."""
        return _to_rows(*self.invoke(QUERY, pack(sql, params), **how))

    def prepare(self, sql, **how):
        return _to_statement(*self.invoke(
            PREPARE, _encode(sql), undo=_undo_prepare, **how))

    def run(self, statement, params=(), **how):
        """Runs a prepared statement and returns its Rows."""
        return _to_rows(*self.invoke(
            RUN, pack(None, params, statement.token), **how))

    def run_many(self, statement, sets, **how):
        """Runs it once for each set of parameters, all or nothing."""
        return _to_rows(*self.invoke(
            RUN, pack(None, (), statement.token, sets), **how))


class AsyncDatabase:
    """The same database on an asyncio loop.

    The methods return a ferry.Request: await it, or .cancel() it. Cancelling
    the task that awaits it interrupts the statement too.
    """

    def __init__(self, database, inbox, *, events=False, liveness=False,
                 event_capacity=0):
        self.database = database
        self.inbox = inbox
        inbox.attach(database, events=events, liveness=liveness,
                     event_capacity=event_capacity)

    def _submit(self, method, data, decode, undo=None, **how):
        return self.inbox.submit(self.database, method, data, decode=decode,
                                 undo=undo, **how)

    def execute(self, sql, **how):
        return self._submit(EXECUTE, _encode(sql), _to_changes, **how)

    def query(self, sql, params=(), **how):
        return self._submit(QUERY, pack(sql, params), _to_rows, **how)

    def prepare(self, sql, **how):
        return self._submit(PREPARE, _encode(sql), _to_statement,
                            _undo_prepare, **how)

    def run(self, statement, params=(), **how):
        return self._submit(RUN, pack(None, params, statement.token),
                            _to_rows, **how)

    def run_many(self, statement, sets, **how):
        return self._submit(RUN, pack(None, (), statement.token, sets),
                            _to_rows, **how)

    def changes(self):
        """Rows changed from now on: async iterator of RowChange."""
        return self.inbox.events(self.database, decode=RowChange)

    def notices(self):
        """What the watchdog says from now on: async iterator of Notice."""
        return self.inbox.notices(self.database)


def open(path, *, flags=0, busy_ms=0, result_max=0, **ferry_options):
    """Opens a database file. The rest are fields of ferry_context_options,
    `levels` a tuple (slow, stalled, wedged, fatal) of milliseconds."""
    levels = ferry_options.pop("levels", ())
    text = ctypes.create_string_buffer(512)
    options = _Options(flags=flags, busy_ms=busy_ms, result_max=result_max,
                       path=os.fsencode(path))
    how = ferry.ContextOptions(
        levels=ferry.Levels(*levels),
        error_text=ctypes.cast(text, ctypes.c_void_p),
        error_text_size=len(text), **ferry_options)
    token = ctypes.c_uint64()
    r = _open(ctypes.byref(token), ctypes.byref(options), ctypes.byref(how))
    if r:
        raise ferry.error_of(r, text.value.decode(errors="replace") or None)
    return Database(token.value)

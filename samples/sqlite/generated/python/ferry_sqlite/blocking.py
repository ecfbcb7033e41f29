"""sqlite for threads that wait.

Ctrl-C cancels the call that the main thread waits for.
"""

from __future__ import annotations

import datetime
from typing import Optional, Sequence, Union

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from .types import About, Cell, Changes, Mode, OnRowChanged, Rows

__all__ = ["Database", "Statement"]


class Database(_binding.BlockingRoot):
    """An open database file."""

    @classmethod
    def open(
            cls, path: str, *, mode: Union[Mode, int] = Mode.CREATE,
            busy: datetime.timedelta = datetime.timedelta(milliseconds=5000),
            result_max: int = 67108864,
            options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> Database:
        """Opens a file, ":memory:" for none. `busy` is how long to wait
        for a lock of another process; `result_max` bounds the rows of
        a call, in bytes.
        """
        call = _library.call_database_open
        block = call.encode(path, mode, busy, result_max)
        return _binding.open_blocking(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout)

    def execute(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> Changes:
        """Runs every statement of a text; their rows are ignored."""
        call = _library.call_database_execute
        result: Changes = self._context.request(
            call.id, call.encode(sql), call.decode, timeout=timeout, lane=lane)
        return result

    def query(
            self, sql: str, *, params: Optional[Sequence[Cell]] = None,
            timeout: Optional[float] = None, lane: int = 0) -> Rows:
        """Runs one statement."""
        call = _library.call_database_query
        result: Rows = self._context.request(
            call.id, call.encode(sql, params), call.decode, timeout=timeout,
            lane=lane)
        return result

    def prepare(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> Statement:
        """Prepares one statement."""
        call = _library.call_statement_prepare

        def decode(data: bytes) -> Statement:
            r1 = call.decode(data)
            return Statement(r1, self._context)

        result: Statement = self._context.request(
            call.id, call.encode(sql), decode, timeout=timeout, lane=lane)
        return result

    def statements(
            self, *, timeout: Optional[float] = None, lane: int = 0) -> int:
        """How many statements SQLite has, prepared or half run."""
        call = _library.call_database_statements
        result: int = self._context.request(
            call.id, call.encode(), call.decode, timeout=timeout, lane=lane)
        return result

    def on_row_changed(
            self, *, capacity: int = 0, timeout: Optional[float] = None
            ) -> _ferry.BlockingStream[OnRowChanged]:
        """A row was changed, as sqlite3_update_hook() tells, with its
        limits. A failing call may take the change back; when who hears
        of it then asks the database, that has been decided.

        From now on; `capacity`, a power of two, is how many may wait to be
        taken. It ends when nothing has come for `timeout` seconds.
        """
        call = _library.call_database_on_row_changed
        return self._context.events({call.id: call.decode}, capacity=capacity,
                                    timeout=timeout)

    @property
    def futures(self) -> _DatabaseFutures:
        """The same methods, each of which returns a future at once."""
        return _DatabaseFutures(self)


class _DatabaseFutures:
    """The methods of Database. Each returns a future at once, of
    concurrent.futures: result() waits, and cancel() cancels the call."""

    def __init__(self, of: Database) -> None:
        self._of = of

    def execute(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[Changes]:
        """Runs every statement of a text; their rows are ignored."""
        call = _library.call_database_execute
        return self._of.context.start(
            call.id, call.encode(sql), call.decode, timeout=timeout, lane=lane)

    def query(
            self, sql: str, *, params: Optional[Sequence[Cell]] = None,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[Rows]:
        """Runs one statement."""
        call = _library.call_database_query
        return self._of.context.start(
            call.id, call.encode(sql, params), call.decode, timeout=timeout,
            lane=lane)

    def prepare(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[Statement]:
        """Prepares one statement."""
        call = _library.call_statement_prepare

        def decode(data: bytes) -> Statement:
            r1 = call.decode(data)
            return Statement(r1, self._of.context)

        return self._of.context.start(
            call.id, call.encode(sql), decode, timeout=timeout, lane=lane)

    def statements(
            self, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[int]:
        """How many statements SQLite has, prepared or half run."""
        call = _library.call_database_statements
        return self._of.context.start(
            call.id, call.encode(), call.decode, timeout=timeout, lane=lane)


class Statement(_library.Statement):
    """A prepared statement."""

    def run(
            self, *, params: Optional[Sequence[Cell]] = None, n_sets: int = 1,
            timeout: Optional[float] = None, lane: int = 0) -> Rows:
        """Runs it with `n_sets` sets of parameters, all or nothing."""
        call = _library.call_statement_run
        context: _ferry.BlockingContext = self.context
        result: Rows = context.request(
            call.id, call.encode(self, params, n_sets),
            _binding.keep(call.decode, self), timeout=timeout, lane=lane)
        return result

    def about(
            self, *, timeout: Optional[float] = None, lane: int = 0) -> About:
        call = _library.call_statement_about
        context: _ferry.BlockingContext = self.context
        result: About = context.request(
            call.id, call.encode(self), _binding.keep(call.decode, self),
            timeout=timeout, lane=lane)
        return result

    def close(self, *, timeout: Optional[float] = None, lane: int = 0) -> None:
        """Ends it; else that is done when nobody has it any more."""
        _binding.close_blocking(
            self, _library.call_statement_close, timeout, lane)

    def __enter__(self) -> Statement:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def futures(self) -> _StatementFutures:
        """The same methods, each of which returns a future at once."""
        return _StatementFutures(self)


class _StatementFutures:
    """The methods of Statement. Each returns a future at once, of
    concurrent.futures: result() waits, and cancel() cancels the call."""

    def __init__(self, of: Statement) -> None:
        self._of = of

    def run(
            self, *, params: Optional[Sequence[Cell]] = None, n_sets: int = 1,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[Rows]:
        """Runs it with `n_sets` sets of parameters, all or nothing."""
        call = _library.call_statement_run
        context: _ferry.BlockingContext = self._of.context
        return context.start(
            call.id, call.encode(self._of, params, n_sets),
            _binding.keep(call.decode, self._of), timeout=timeout, lane=lane)

    def about(
            self, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Future[About]:
        call = _library.call_statement_about
        context: _ferry.BlockingContext = self._of.context
        return context.start(
            call.id, call.encode(self._of),
            _binding.keep(call.decode, self._of), timeout=timeout, lane=lane)

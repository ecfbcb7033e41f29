"""sqlite on asyncio loops."""

from __future__ import annotations

import datetime
from typing import Optional, Sequence, Union

import ferry_runtime as _ferry
from ferry_runtime import binding as _binding

from . import _library
from .types import About, Cell, Changes, Mode, OnRowChanged, Rows


class Database(_binding.Root):
    """An open database file."""

    @classmethod
    def open(
            cls, path: str, *, mode: Union[Mode, int] = Mode.CREATE,
            busy: datetime.timedelta = datetime.timedelta(milliseconds=5000),
            result_max: int = 67108864,
            options: Optional[_ferry.OpenOptions] = None,
            timeout: Optional[float] = None) -> _binding.Opening[Database]:
        """Opens a file, ":memory:" for none. `busy` is how long to wait
        for a lock of another process; `result_max` bounds the rows of
        a call, in bytes.
        """
        call = _library.call_database_open
        block = call.encode(path, mode, busy, result_max)
        return _binding.Opening(_binding.open_root(
            cls, _library.PACKAGE, call, block, options=options,
            timeout=timeout))

    def execute(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[Changes]:
        """Runs every statement of a text; their rows are ignored."""
        call = _library.call_database_execute
        return self._context.request(
            call.id, call.encode(sql), call.decode, timeout=timeout, lane=lane)

    def query(
            self, sql: str, *, params: Optional[Sequence[Cell]] = None,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[Rows]:
        """Runs one statement."""
        call = _library.call_database_query
        return self._context.request(
            call.id, call.encode(sql, params), call.decode, timeout=timeout,
            lane=lane)

    def prepare(
            self, sql: str, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[Statement]:
        """Prepares one statement."""
        call = _library.call_statement_prepare

        def decode(data: bytes) -> Statement:
            r1 = call.decode(data)
            return Statement(r1, self._context)

        return self._context.request(
            call.id, call.encode(sql), decode, timeout=timeout, lane=lane)

    def statements(
            self, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[int]:
        """How many statements SQLite has, prepared or half run."""
        call = _library.call_database_statements
        return self._context.request(
            call.id, call.encode(), call.decode, timeout=timeout, lane=lane)

    def on_row_changed(self, *, capacity: int = 0) -> _ferry.Stream[OnRowChanged]:
        """A row was changed, as sqlite3_update_hook() tells, with its
        limits. A failing call may take the change back; when who hears
        of it then asks the database, that has been decided.

        From now on; `capacity`, a power of two, is how many may wait to be
        taken.
        """
        call = _library.call_database_on_row_changed
        return self._context.events({call.id: call.decode}, capacity=capacity)


class Statement(_library.Statement):
    """A prepared statement."""

    def run(
            self, *, params: Optional[Sequence[Cell]] = None, n_sets: int = 1,
            timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[Rows]:
        """Runs it with `n_sets` sets of parameters, all or nothing."""
        call = _library.call_statement_run
        context: _ferry.Context = self.context
        return context.request(
            call.id, call.encode(self, params, n_sets),
            _binding.keep(call.decode, self), timeout=timeout, lane=lane)

    def about(
            self, *, timeout: Optional[float] = None,
            lane: int = 0) -> _ferry.Request[About]:
        call = _library.call_statement_about
        context: _ferry.Context = self.context
        return context.request(
            call.id, call.encode(self), _binding.keep(call.decode, self),
            timeout=timeout, lane=lane)

    async def close(
            self, *, timeout: Optional[float] = None, lane: int = 0) -> None:
        """Ends it; else that is done when nobody has it any more."""
        await _binding.close(
            self, _library.call_statement_close, timeout, lane)

    async def __aenter__(self) -> Statement:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

"""The library, loaded, and what it is called with."""

from __future__ import annotations

import os
import pathlib

import ferry_runtime
from ferry_runtime import codec as c
from ferry_runtime.binding import Call

from . import errors, types

PATH = os.environ.get("FERRY_SQLITE_LIBRARY") or str(
    pathlib.Path(__file__).resolve().with_name("libsqlite.so"))


class Statement(ferry_runtime.Handle):
    """Statement, here or in `blocking`."""


OF_ERROR = {
    1: errors.Error,
    2: errors.Internal,
    3: errors.Perm,
    4: errors.Abort,
    5: errors.Busy,
    6: errors.Locked,
    7: errors.NoMemory,
    8: errors.ReadOnly,
    9: errors.Interrupt,
    10: errors.Io,
    11: errors.Corrupt,
    12: errors.NotFound,
    13: errors.Full,
    14: errors.CannotOpen,
    15: errors.Protocol,
    17: errors.Schema,
    18: errors.TooBig,
    19: errors.Constraint,
    20: errors.Mismatch,
    21: errors.Misuse,
    22: errors.NoLfs,
    23: errors.Auth,
    25: errors.Range,
    26: errors.NotADatabase,
}
ERRORS_OF_NO_ENUM = ferry_runtime.Errors({}, errors.SqliteError)

PACKAGE = ferry_runtime.load(
    PATH, "sqlite", requires=(0, 1),
    base=errors.SqliteError, errors=OF_ERROR,
    functions={
        "database.open": 0x8f3fca94a3701782,
        "database.execute": 0x65afe7e9844f6729,
        "database.query": 0x839b4fedaf40a7c3,
        "statement.prepare": 0xf802e7a09def8343,
        "statement.close": 0xb84b10ddb7b85dc4,
        "statement.run": 0x3448867bc0c2d052,
        "statement.about": 0xbd64ef0295209762,
        "database.statements": 0x1c497f5c6d5fa377,
        "database.on_row_changed": 0xa37b49e37491df1f,
    },
    records={
        "rows": 0x16ab5c34d21e3b26,
        "changes": 0x2477d0f83076de61,
        "about": 0x88fb0d574fcca314,
        "cell": 0x539539f3d81cf40f,
    })

CODEC = c.Codec("sqlite", PACKAGE.layout)
CODEC.record(
    "rows", types.Rows,
    c.Field("columns", "columns", c.Array(c.Text(), len="n_columns")),
    c.Field("cells", "cells", c.Array(c.Record("cell"), len="n_cells")),
    c.Field("n_rows", "n_rows", c.Int(64, False)),
    c.Field("changes", "changes", c.Int(64)),
    c.Field("last_rowid", "last_rowid", c.Int(64)),
    c.hidden("n_columns", c.Int(64, False)),
    c.hidden("n_cells", c.Int(64, False)))
CODEC.record(
    "changes", types.Changes,
    c.Field("changes", "changes", c.Int(64)),
    c.Field("last_rowid", "last_rowid", c.Int(64)))
CODEC.record(
    "about", types.About,
    c.Field("n_params", "n_params", c.Int(32, False)),
    c.Field("n_columns", "n_columns", c.Int(32, False)),
    c.Field("readonly", "readonly", c.Bool()))
CODEC.variant(
    "cell",
    c.Field("kind", "type", c.Enum(types.Type, 32, False)), (
        c.Case(types.Type.INTEGER, None,
               c.Field("integer", "as.integer", c.Int(64))),
        c.Case(types.Type.REAL, None,
               c.Field("real", "as.real", c.Float(64))),
        c.Case(types.Type.TEXT, None,
               c.Field("text", "as.text", c.Text(len="size"))),
        c.Case(types.Type.BLOB, None,
               c.Field("blob", "as.blob", c.Bytes(len="size"))),
        c.Case(types.Type.NULL, None),
    ),
    c.hidden("size", c.Int(64, False)))

call_database_open = Call(
    PACKAGE, CODEC, "database.open", (
        c.Field("path", "path", c.Text()),
        c.Field("mode", "mode", c.Enum(types.Mode, 32, False)),
        c.Field("busy", "busy", c.Duration("ms", c.Int(32, False))),
        c.Field("result_max", "result_max", c.Int(64, False)),
    ))

call_database_execute = Call(
    PACKAGE, CODEC, "database.execute", (
        c.Field("sql", "sql", c.Text()),
    ), (
        c.Field("out", "out", c.Record("changes")),
    ))

call_database_query = Call(
    PACKAGE, CODEC, "database.query", (
        c.Field("sql", "sql", c.Text()),
        c.Field(
                "params", "params",
                c.Array(c.Record("cell"), nullable=True, len="n_params")),
        c.hidden("n_params", c.Int(64, False)),
    ), (
        c.Field("out", "out", c.Record("rows")),
    ))

call_statement_prepare = Call(
    PACKAGE, CODEC, "statement.prepare", (
        c.Field("sql", "sql", c.Text()),
    ), (
        c.Field("out", "out", c.Handle(Statement)),
    ))

call_statement_close = Call(
    PACKAGE, CODEC, "statement.close", (
        c.Field("self", "self", c.Handle(Statement)),
    ))

call_statement_run = Call(
    PACKAGE, CODEC, "statement.run", (
        c.Field("self", "self", c.Handle(Statement)),
        c.Field(
                "params", "params",
                c.Array(c.Record("cell"), nullable=True, len="n_params")),
        c.hidden("n_params", c.Int(64, False)),
        c.Field("n_sets", "n_sets", c.Int(32, False)),
    ), (
        c.Field("out", "out", c.Record("rows")),
    ))

call_statement_about = Call(
    PACKAGE, CODEC, "statement.about", (
        c.Field("self", "self", c.Handle(Statement)),
    ), (
        c.Field("out", "out", c.Record("about")),
    ))

call_database_statements = Call(
    PACKAGE, CODEC, "database.statements", (), (
        c.Field("result", "result", c.Int(64, False)),
    ))

call_database_on_row_changed = Call(
    PACKAGE, CODEC, "database.on_row_changed", (), (
        c.Field("operation", "operation", c.Enum(types.Operation, 32, False)),
        c.Field("database", "database", c.Text()),
        c.Field("table", "table", c.Text()),
        c.Field("rowid", "rowid", c.Int(64)),
    ), types.OnRowChanged)

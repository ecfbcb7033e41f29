"""Layouts by ctypes, which lays structs out as the compiler does, and some of
the zoo's records with them: the codec without a library."""

import collections
import ctypes
import dataclasses
import datetime
import enum
import typing

import zoopkg   # knows where the runtime is

from ferry_runtime.codec import (
    Array, Bool, Bytes, Case, Codec, Duration, Enum, Field, Float, Int, Map,
    Maybe, Pointer, Record, Text, Time, UnknownCase, hidden)

main, pytest = zoopkg.main, zoopkg.pytest
Layout = collections.namedtuple("Layout", "size align fields")
PTR = ctypes.c_size_t   # in a block a pointer is an offset


def layout_of(struct, base=0, prefix=""):
    """Of a ctypes struct; a union's members are `as.name`."""
    fields = {}
    for name, kind in struct._fields_:
        at = getattr(struct, name)
        fields[prefix + name] = base + at.offset, at.size
        if issubclass(kind, ctypes.Union):
            fields.update(layout_of(kind, base + at.offset,
                                    prefix + name + ".").fields)
    return Layout(ctypes.sizeof(struct), ctypes.alignment(struct), fields)


def struct(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


class Colour(enum.IntEnum):
    RED = -1
    GREEN = 0
    BLUE = 2147483647


class Food(enum.IntFlag):
    HAY = 1
    FISH = 2
    ALL = 3


class ShapeKind(enum.IntEnum):
    NOTHING = 0
    CIRCLE = 1
    LINE = 2
    NAME = 3


@dataclasses.dataclass
class Point:
    x: float
    y: float = -1.5


@dataclasses.dataclass
class Tag:
    key: str
    value: int


@dataclasses.dataclass
class Leaf:
    value: int
    maybe: typing.Optional[int]


@dataclasses.dataclass
class Branch:
    leaf: typing.Optional[Leaf]
    label: typing.Optional[str] = "none"


@dataclasses.dataclass
class ShapeNothing:
    pass


@dataclasses.dataclass
class ShapeCircle:
    radius: float


@dataclasses.dataclass
class ShapeLine:
    line: list


@dataclasses.dataclass
class ShapeName:
    name: str


def record(name, *fields):
    """A dataclass of any names."""
    return dataclasses.make_dataclass(name, fields)


NUMBERS = (
    ("i8", ctypes.c_int8, Int(8)), ("u8", ctypes.c_uint8, Int(8, False)),
    ("i16", ctypes.c_int16, Int(16)), ("u16", ctypes.c_uint16, Int(16, False)),
    ("i32", ctypes.c_int32, Int(32)), ("u32", ctypes.c_uint32, Int(32, False)),
    ("i64", ctypes.c_int64, Int(64)), ("u64", ctypes.c_uint64, Int(64, False)),
    ("yes", ctypes.c_bool, Bool()), ("f32", ctypes.c_float, Float(32)),
    ("f64", ctypes.c_double, Float(64)),
    ("colour", ctypes.c_int, Enum(Colour, 32, True)),
    ("food", ctypes.c_uint, Enum(Food, 32, False)))

Numbers = record("Numbers", *(name for name, _, _ in NUMBERS))

C_POINT = struct("point", ("x", ctypes.c_double), ("y", ctypes.c_double))
C_SHAPE = struct(
    "shape", ("kind", ctypes.c_int), ("as", type("as", (ctypes.Union,), {
        "_fields_": [("radius", ctypes.c_double), ("line", PTR),
                     ("name", PTR)]})), ("n", ctypes.c_size_t))

# By record: its C struct, its class, its fields.
RECORDS = {
    "numbers": (struct("numbers", *((n, c) for n, c, _ in NUMBERS)), Numbers,
                [Field(n, n, t) for n, _, t in NUMBERS]),
    "point": (C_POINT, Point, [Field("x", "x", Float()),
                               Field("y", "y", Float())]),
    "tag": (struct("tag", ("key", PTR), ("value", ctypes.c_int32)), Tag,
            [Field("key", "key", Text()), Field("value", "value", Int(32))]),
    "leaf": (struct("leaf", ("value", ctypes.c_int32), ("maybe", PTR)), Leaf,
             [Field("value", "value", Int(32)),
              Field("maybe", "maybe", Maybe(Int(32)))]),
    "branch": (struct("branch", ("leaf", PTR), ("label", PTR)), Branch,
               [Field("leaf", "leaf", Maybe(Record("leaf"))),
                Field("label", "label", Text(nullable=True))]),
}


def codec(**more):
    """The zoo's, and records of a test's own: name=(struct, class, fields)."""
    known = {**RECORDS, **more}
    made = Codec("zoo", lambda name: layout_of(
        C_SHAPE if name == "shape" else known[name][0]))
    for name, (_, make, fields) in known.items():
        made.record(name, make, *fields)
    made.variant(
        "shape", Field("kind", "kind", Enum(ShapeKind)), (
            Case(ShapeKind.NOTHING, ShapeNothing),
            Case(ShapeKind.CIRCLE, ShapeCircle,
                 Field("radius", "as.radius", Float())),
            Case(ShapeKind.LINE, ShapeLine, Field(
                "line", "as.line", Array(Record("point"), len="n"))),
            Case(ShapeKind.NAME, ShapeName,
                 Field("name", "as.name", Text()))),
        hidden("n", Int(64, False)))
    return made


def both(kind, c_fields, *fields):
    """Encode and decode of one struct: (encode, decode, its ctypes class).

    `kind` is the type of a field `v`, whose place in C is c_fields' first;
    `fields` are the hidden ones.
    """
    laid = struct("f", *c_fields)
    made = codec(f=(laid, Point, ()))
    all_fields = (Field("v", c_fields[0][0], kind),) + fields
    return (made.encoder("f", "f", *all_fields),
            made.decoder("f", "f", None, *all_fields), laid)


def through_record(name, value):
    """A record to a block and back, behind a pointer."""
    made = codec(out=(struct("out", ("v", PTR)), Point, ()))
    field = Field("v", "v", Pointer(Record(name)))
    block = made.encoder("out", "f", field)(value)
    return made.decoder("out", "f", None, field)(block)


def at(block, offset, kind):
    """What C sees at an offset of a block."""
    size = ctypes.sizeof(kind)
    assert 0 < offset and offset + size <= len(block)
    assert offset % ctypes.alignment(kind) == 0
    return kind.from_buffer_copy(block, offset)


UTC = datetime.timezone.utc
N = ("n", ctypes.c_size_t)
HIDDEN_N = hidden("n", Int(64, False))

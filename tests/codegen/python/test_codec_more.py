#!/usr/bin/env python3
"""Optional values, variants, time, and the order in a block."""

import array
import ctypes
import datetime
import math
import struct

from wire import (
    HIDDEN_N, N, PTR, UTC, Array, Bool, Colour, Duration, Enum, Field,
    Float, Int, Map, Maybe, Point, Record, ShapeCircle, ShapeKind,
    ShapeLine, ShapeName, ShapeNothing, Text, Time, UnknownCase, both,
    codec, hidden, main, pytest, struct as c_struct,
    Bytes, C_SHAPE, layout_of, through_record)

from ferry_runtime.codec import BrokenBlock, Case, Codec


def test_optionals():
    encode, decode, _ = both(
        Maybe(Int(64), "has"), [("v", ctypes.c_int64),
                                ("has", ctypes.c_bool)],
        hidden("has", Bool()))
    for value in (None, 0, -2 ** 63):
        assert decode(encode(value)) == value
    with pytest.raises(ValueError, match="v: 9223372036854775808 is not in"):
        encode(2 ** 63)
    encode, decode, _ = both(
        Maybe(Map("tag", len="n"), "has"),
        [("v", PTR), N, ("has", ctypes.c_bool)], HIDDEN_N,
        hidden("has", Bool()))
    for value in (None, {}, {"a": 1}):
        assert decode(encode(value)) == value
    encode, decode, _ = both(Maybe(Enum(Colour)), [("v", PTR)])
    assert decode(encode(Colour.RED)) is Colour.RED
    assert decode(encode(None)) is None
    encode, decode, _ = both(Maybe(Bool()), [("v", PTR)])
    assert decode(encode(False)) is False
    with pytest.raises(TypeError, match="v: 5 is no bool"):
        encode(5)
    encode, decode, _ = both(Maybe(Duration("ms", Int(32))), [("v", PTR)])
    assert decode(encode(datetime.timedelta(0))) == datetime.timedelta(0)


def test_variants():
    shapes = [ShapeNothing(), ShapeCircle(0.5), ShapeLine([]),
              ShapeLine([Point(1, 2), Point(3, 4)]), ShapeName("é"),
              UnknownCase(77)]
    for value in shapes:
        assert through_record("shape", value) == value
    encode, decode, _ = both(
        Array(Record("shape"), len="n"), [("v", PTR), N], HIDDEN_N)
    assert decode(encode(shapes)) == shapes
    with pytest.raises(TypeError, match="v: 5 is none of ShapeNothing, "):
        through_record("shape", 5)
    with pytest.raises(TypeError, match=r"v\.radius: 'a' is no float"):
        through_record("shape", ShapeCircle("a"))
    with pytest.raises(TypeError, match=r"v\.line\[0\]: 1 is no Point"):
        through_record("shape", ShapeLine([1]))


class Number(ctypes.c_int):
    """As numpy's: a number with a buffer."""

    def __index__(self):
        return self.value


class Real(ctypes.c_float):
    def __float__(self):
        return self.value


def plain(*cases):
    """A codec of a variant without classes: (putter, getter of many)."""
    laid = c_struct("v", ("kind", ctypes.c_int), ("as", type(
        "as", (ctypes.Union,), {"_fields_": [
            (name, kind) for name, kind, _ in cases]})),
        ("n", ctypes.c_size_t))
    made = Codec("zoo", lambda name: layout_of(laid))
    made.variant("v", Field("kind", "kind", Enum(ShapeKind)), tuple(
        Case(i, None, Field(name, "as." + name, t))
        for i, (name, _, t) in enumerate(cases)), hidden("n", Int(64, False)))
    return made


def test_variants_without_classes():
    made = plain(("text", PTR, Text(len="n")), ("blob", PTR, Bytes(len="n")))
    for value in ("é", b"ab", UnknownCase(9)):
        assert made.copy("v", value) == value
    for value in (array.array("H", [1, 2]), (ctypes.c_char * 4)(),
                  memoryview(b"ab"), C_SHAPE()):
        assert made.copy("v", value) == bytes(memoryview(value))
    for value in (1, 0.5, Number(1), Real(1), [1], {}, None, True):
        with pytest.raises(TypeError, match="is none of str, bytes$"):
            made.copy("v", value)
    made = plain(("blob", PTR, Bytes(len="n")), ("real", ctypes.c_float,
                                                 Float(32)))
    for value in (Number(1), Real(1), 1, True):
        assert type(made.copy("v", value)) is float
    with pytest.raises(ValueError, match="^v: two cases are int$"):
        plain(("a", ctypes.c_int, Int(32)), ("b", ctypes.c_int, Enum(Colour)))
    with pytest.raises(ValueError, match="^v: two cases are float$"):
        plain(("a", ctypes.c_double, Float(64)),
              ("b", ctypes.c_double, Time("ns", Float(64))))


def test_a_variant_in_place_between_others():
    """Packing a struct clears it; the variant in it is written after that."""
    encode, decode, laid = both(
        Record("shape"), [("v", C_SHAPE), ("after", ctypes.c_int32)],
        Field("after", "after", Int(32)))
    block = encode(ShapeName("abc"), 9)
    c = laid.from_buffer_copy(block)
    assert c.v.kind == ShapeKind.NAME and c.after == 9
    assert decode(block) == ShapeName("abc")
    encode, decode, laid = both(
        Maybe(Record("shape"), "has"),
        [("v", C_SHAPE), ("has", ctypes.c_bool)], hidden("has", Bool()))
    assert decode(encode(None)) is None
    assert decode(encode(ShapeCircle(2))) == ShapeCircle(2)


def test_times():
    first = datetime.datetime(1, 1, 1, tzinfo=UTC)
    last = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    encode, decode, laid = both(Time("us", Int(64)), [("v", ctypes.c_int64)])
    odd = datetime.datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    for value in (first, last, odd, datetime.datetime(1969, 12, 31, 23, 59,
                                                      59, 999999, UTC)):
        assert decode(encode(value)) == value
    assert laid.from_buffer_copy(encode(odd)).v % 1000000 == 890123
    east = odd.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    assert decode(encode(east)) == odd
    assert decode(encode(east)).tzinfo is UTC
    with pytest.raises(ValueError, match="has no time zone"):
        encode(datetime.datetime(2026, 1, 1))
    with pytest.raises(TypeError, match="v: 5 is no datetime"):
        encode(5)
    for n in (2 ** 63 - 1, -2 ** 63):
        with pytest.raises(BrokenBlock, match="year|days|date value"):
            decode(struct.pack("=q", n))


def test_times_of_other_units():
    odd = datetime.datetime(1969, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    for unit, rest in (("ms", 123), ("s", 890123)):
        encode, decode, _ = both(
            Time(unit, Int(64)), [("v", ctypes.c_int64)])
        assert decode(encode(odd)) == odd - datetime.timedelta(
            microseconds=rest)
    encode, decode, _ = both(Time("ns", Int(64)), [("v", ctypes.c_int64)])
    for value in (-2 ** 63, 2 ** 63 - 1):
        assert decode(encode(value)) == value
    encode, decode, _ = both(Time("s", Float()), [("v", ctypes.c_double)])
    assert decode(encode(odd)) == odd
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=d", math.nan))
    encode, decode, _ = both(
        Time("s", Int(32, False)), [("v", ctypes.c_uint32)])
    with pytest.raises(ValueError, match="v: -26160833 is not in"):
        encode(odd)


def test_durations():
    def ms(n):
        return datetime.timedelta(milliseconds=n)

    encode, decode, laid = both(
        Duration("ms", Int(32, False)), [("v", ctypes.c_uint32)])
    for value in (ms(0), ms(1), ms(2 ** 32 - 1)):
        assert decode(encode(value)) == value
    assert laid.from_buffer_copy(
        encode(datetime.timedelta(microseconds=1))).v == 1
    for value in (ms(-1), ms(2 ** 32)):
        with pytest.raises(ValueError, match="v: .* is not in 0 … "):
            encode(value)
    with pytest.raises(TypeError, match="v: 5 is no timedelta"):
        encode(5)
    encode, decode, _ = both(Duration("s", Float()), [("v", ctypes.c_double)])
    assert decode(encode(ms(1500))) == ms(1500)
    encode, decode, _ = both(
        Duration("ns", Int(64)), [("v", ctypes.c_int64)])
    assert decode(encode(-2 ** 63)) == -2 ** 63


def test_several_values():
    laid = c_struct("f", ("a", ctypes.c_int8), ("b", PTR))
    made = codec(f=(laid, Point, ()))
    fields = (Field("a", "a", Int(8)), Field("b", "b", Text()))
    block = made.encoder("f", "split", *fields)(1, "x")
    assert made.decoder("f", "split", lambda a, b: (b, a), *fields)(block) == \
        ("x", 1)
    with pytest.raises(ValueError,
                       match=r"^zoo\.split: a: 300 is not in -128 … 127$"):
        made.encoder("f", "split", *fields)(300, "x")


def test_everything_stands_in_the_order_of_the_fields():
    """Whatever the order of the arguments: so the block is checked."""
    laid = c_struct("f", ("a", PTR), ("shape", C_SHAPE), ("b", PTR),
                    ("tail", C_SHAPE), ("n", ctypes.c_size_t))
    made = codec(f=(laid, Point, ()))
    fields = (Field("b", "b", Array(Text(), len="n")),
              Field("tail", "tail", Record("shape")), HIDDEN_N,
              Field("a", "a", Text(nullable=True)),
              Field("shape", "shape", Record("shape")))
    encode = made.encoder("f", "f", *fields)
    block = encode(["bb"], ShapeName("tail"), "a", ShapeName("shape"))
    places = [block.index(text + b"\0")
              for text in (b"a", b"shape", b"bb", b"tail")]
    assert places == sorted(places)
    c = laid.from_buffer_copy(block)
    assert c.shape.kind == c.tail.kind == 3 and c.n == 1
    decode = made.decoder("f", "f", lambda *values: values, *fields)
    assert decode(block) == (["bb"], ShapeName("tail"), "a",
                             ShapeName("shape"))


if __name__ == "__main__":
    main(__file__)

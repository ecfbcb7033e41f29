#!/usr/bin/env python3
"""Every type to a block and back, at its limits; and what C sees."""

import array
import ctypes
import math
import struct

from wire import (
    HIDDEN_N, N, NUMBERS, PTR, Array, Bool, Bytes, Branch, Colour, Enum,
    Field, Float, Food, Int, Leaf, Map, Numbers, Point, Record,
    Text, at, both, codec, hidden, main, pytest, record,
    struct as c_struct, through_record)

from ferry_runtime._codec_samples import of_fields
from ferry_runtime.codec import BrokenBlock


def limits(bits, signed):
    if signed:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def numbers(**values):
    zeros = {name: 0 for name, _, _ in NUMBERS}
    zeros.update(yes=False, f32=0.0, f64=0.0, colour=Colour.GREEN,
                 food=Food(0), **{k: v for k, v in values.items()
                                  if k not in ("yes", "f32", "f64", "colour",
                                               "food")})
    zeros.update(values)
    return Numbers(**zeros)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("signed", [True, False])
def test_ints(bits, signed):
    low, high = limits(bits, signed)
    kind = getattr(ctypes, "c_%sint%d" % ("" if signed else "u", bits))
    encode, decode, laid = both(Int(bits, signed), [("v", kind)])
    for value in (low, high, 0, 1):
        block = encode(value)
        assert laid.from_buffer_copy(block).v == value
        assert decode(block) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=r"^zoo\.f: v: -?\d+ is not in "
                           "%d … %d$" % (low, high)):
            encode(value)
    for value in (1.0, "1", None, b"1", [1]):
        with pytest.raises(TypeError, match=r"^zoo\.f: v: .* is no int$"):
            encode(value)


def test_floats():
    for bits, kind in ((32, ctypes.c_float), (64, ctypes.c_double)):
        encode, decode, _ = both(Float(bits), [("v", kind)])
        for value in (0.0, -0.25, math.inf, -math.inf, 3):
            assert decode(encode(value)) == value
        assert math.copysign(1, decode(encode(-0.0))) == -1
        assert math.isnan(decode(encode(math.nan)))
        with pytest.raises(TypeError, match="v: '1' is no float"):
            encode("1")
        with pytest.raises(ValueError, match="does not fit into %d" % bits):
            encode(10 ** 400)
    encode, _, _ = both(Float(32), [("v", ctypes.c_float)])
    with pytest.raises(ValueError, match="v: 1e\\+39 does not fit"):
        encode(1e39)


def test_bools():
    encode, decode, _ = both(Bool(), [("v", ctypes.c_bool)])
    assert decode(encode(True)) is True
    assert decode(encode(False)) is False
    with pytest.raises(TypeError, match="v: 2 is no bool"):
        encode(2)
    with pytest.raises(TypeError, match="v: None is no bool"):
        encode(None)


def test_a_record_of_numbers():
    lows, highs = {}, {}
    for name, _, kind in NUMBERS:
        if isinstance(kind, Int):
            lows[name], highs[name] = limits(kind.bits, kind.signed)
    for values in (lows, highs, {"yes": True, "f32": 0.5, "f64": 1e300,
                                 "colour": Colour.BLUE, "food": Food.ALL}):
        value = numbers(**values)
        assert through_record("numbers", value) == value
    with pytest.raises(ValueError, match=r"^zoo\.f: v\.u8: 256 is not in"):
        through_record("numbers", numbers(u8=256))
    with pytest.raises(TypeError, match=r"v: None is no Numbers"):
        through_record("numbers", None)


def test_enums():
    encode, decode, _ = both(Enum(Colour), [("v", ctypes.c_int)])
    assert decode(encode(Colour.RED)) is Colour.RED
    assert type(decode(encode(12345))) is int    # an unknown one
    assert decode(encode(12345)) == 12345
    with pytest.raises(ValueError, match="v: 2147483648 is not in"):
        encode(2 ** 31)


def test_flags():
    encode, decode, _ = both(Enum(Food, 32, False), [("v", ctypes.c_uint)])
    assert decode(encode(Food.ALL)) is Food.ALL
    assert decode(encode(Food.HAY | Food.FISH)) == Food.ALL
    unknown = decode(encode(0x80000001))
    assert unknown == 0x80000001 and unknown & Food.HAY
    encode, decode, _ = both(Enum(Food, 32, True), [("v", ctypes.c_int)])
    assert decode(encode(-2)) == -2


@pytest.mark.parametrize("value", [
    "", "a", "é", "\U0001f43b", "x" * (1 << 20), "\udc80\udcff"])
def test_text(value):
    encode, decode, laid = both(Text(), [("v", PTR)])
    block = encode(value)
    offset = laid.from_buffer_copy(block).v
    raw = value.encode("utf-8", "surrogateescape")
    assert block[offset:] == raw + b"\0"
    assert decode(block) == value


def test_bad_text():
    encode, decode, _ = both(Text(), [("v", PTR)])
    with pytest.raises(ValueError, match="v: 'a.x00b' has a zero byte in it"):
        encode("a\0b")
    with pytest.raises(ValueError, match="has a lone surrogate at 1"):
        encode("a\ud800")
    with pytest.raises(TypeError, match="v: b'a' is no str"):
        encode(b"a")
    with pytest.raises(TypeError, match="v: None is no str"):
        encode(None)
    with pytest.raises(BrokenBlock, match="v is NULL"):
        decode(bytes(8))
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=Q", 8))             # at the end
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=Q", 8) + b"abc")    # without its zero
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=Q", 2 ** 64 - 1))


def test_nullable_text():
    encode, decode, laid = both(Text(nullable=True), [("v", PTR)])
    assert laid.from_buffer_copy(encode(None)).v == 0
    assert decode(encode(None)) is None
    assert decode(encode("")) == ""


def test_counted_text():
    encode, decode, laid = both(Text(len="n"), [("v", PTR), N], HIDDEN_N)
    block = encode("a\0é")
    c = laid.from_buffer_copy(block)
    assert c.n == 4 and block[c.v:c.v + 5] == b"a\0\xc3\xa9\0"
    for value in ("", "\0", "x" * (1 << 20), "a\0b"):
        assert decode(encode(value)) == value
    with pytest.raises(BrokenBlock, match="5 bytes at 16, where 18 are"):
        decode(struct.pack("=QQ", 16, 5) + b"ab")
    encode, decode, _ = both(Text(True, "n"), [("v", PTR), N], HIDDEN_N)
    assert decode(encode(None)) is None
    assert decode(encode("")) == ""


def test_fixed_text():
    encode, decode, laid = both(
        Text(count=16), [("v", ctypes.c_char * 16)])
    assert laid.from_buffer_copy(encode("abc")).v == b"abc"
    for value in ("", "a" * 15, "é"):
        assert decode(encode(value)) == value
    assert decode(b"a" * 16) == "a" * 16     # one that is not terminated
    with pytest.raises(ValueError, match="v: 16 bytes of text, where 15 fit"):
        encode("é" * 8)
    with pytest.raises(ValueError, match="zero byte"):
        encode("a\0")


def test_bytes():
    encode, decode, _ = both(
        Bytes(len="n"), [("v", PTR), ("n", ctypes.c_uint32)],
        hidden("n", Int(32, False)))
    for value in (b"", b"\0", b"x" * (1 << 20), bytes(range(256))):
        assert decode(encode(value)) == value
    assert decode(encode(bytearray(b"ab"))) == b"ab"
    assert decode(encode(memoryview(b"abcd")[::2])) == b"ac"
    assert decode(encode(array.array("H", [1, 2]))) == \
        array.array("H", [1, 2]).tobytes()
    with pytest.raises(TypeError, match=r"v: \[1, 2\] is no bytes"):
        encode([1, 2])
    with pytest.raises(TypeError, match="v: 'a' is no bytes"):
        encode("a")
    assert decode(bytes(16)) == b""          # NULL that is empty
    with pytest.raises(BrokenBlock, match="v is NULL"):
        decode(struct.pack("=QI4x", 0, 1))


def test_nullable_and_fixed_bytes():
    encode, decode, _ = both(Bytes(True, "n"), [("v", PTR), N], HIDDEN_N)
    assert decode(encode(None)) is None
    assert decode(encode(b"")) == b""
    encode, decode, _ = both(Bytes(count=8), [("v", ctypes.c_uint8 * 8)])
    assert decode(encode(b"12345678")) == b"12345678"
    for value in (b"1234567", b"123456789"):
        with pytest.raises(ValueError, match="v: %d bytes, where it takes 8" %
                           len(value)):
            encode(value)


def test_arrays_of_numbers():
    encode, decode, laid = both(
        Array(Int(32), len="n"), [("v", PTR), N], HIDDEN_N)
    many = list(range(-50000, 50000))
    for value in ([], [0], [-2 ** 31, 2 ** 31 - 1], many):
        assert decode(encode(value)) == value
    assert decode(encode((1, 2))) == [1, 2]
    assert decode(encode(array.array("i", [1, 2]))) == [1, 2]
    c = laid.from_buffer_copy(encode([7, 8]))
    assert c.n == 2 and at(encode([7, 8]), c.v, ctypes.c_int * 2)[1] == 8
    with pytest.raises(ValueError, match=r"v\[2\]: 2147483648 is not in"):
        encode([1, 2, 2 ** 31])
    with pytest.raises(TypeError, match=r"v\[0\]: 1.5 is no int"):
        encode([1.5])
    for value in (b"ab", "ab", 5, iter([1])):
        with pytest.raises(TypeError, match="v: .* is no sequence"):
            encode(value)
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=QQI", 16, 2, 0))
    with pytest.raises(BrokenBlock):
        decode(struct.pack("=QQI", 16, 2 ** 62, 0))


@pytest.mark.parametrize("kind,value", [
    (Bool(), [True, False]), (Float(64), [1.5, math.inf]),
    (Float(32), [0.5]), (Int(8, False), [0, 255]), (Int(16), [-32768]),
    (Int(64, False), [2 ** 64 - 1]),
    (Enum(Colour), [Colour.RED, Colour.BLUE, 5])])
def test_arrays_of_each_number(kind, value):
    encode, decode, _ = both(Array(kind, len="n"), [("v", PTR), N], HIDDEN_N)
    assert decode(encode(value)) == value
    assert [type(v) for v in decode(encode(value))] == [
        type(v) for v in value]
    with pytest.raises(TypeError, match=r"v\[1\]: 'a' is no"):
        encode([value[0], "a"])


def test_a_float_of_an_array_overflows():
    encode, _, _ = both(Array(Float(32), len="n"), [("v", PTR), N], HIDDEN_N)
    with pytest.raises(ValueError, match=r"v\[0\]: 1e\+39 does not fit"):
        encode([1e39])


def test_lengths_have_bounds():
    encode, decode, _ = both(
        Array(Record("point"), len="n"), [("v", PTR), ("n", ctypes.c_uint16)],
        hidden("n", Int(16, False)))
    most = [Point(float(i), 0.0) for i in range(65535)]
    assert decode(encode(most)) == most
    with pytest.raises(ValueError,
                       match="v: its length: 65536 is not in 0 … 65535"):
        encode(most + [Point(0, 0)])
    encode, _, _ = both(
        Text(len="n"), [("v", PTR), ("n", ctypes.c_int8)],
        hidden("n", Int(8)))
    encode("x" * 127)
    with pytest.raises(ValueError, match="v: its length: 128 is not in"):
        encode("x" * 128)


def test_fixed_arrays():
    encode, decode, _ = both(
        Array(Int(16), count=2), [("v", ctypes.c_int16 * 2)])
    assert decode(encode([-32768, 32767])) == [-32768, 32767]
    for value in ([], [1], [1, 2, 3]):
        with pytest.raises(ValueError, match="where it takes 2"):
            encode(value)
    encode, decode, laid = both(
        Array(Text(), count=2), [("v", PTR * 2)])
    assert decode(encode(["a", ""])) == ["a", ""]
    with pytest.raises(ValueError, match="v: 1 elements"):
        encode(["a"])


def test_arrays_of_text():
    encode, decode, _ = both(
        Array(Text(), len="n"), [("v", PTR), N], HIDDEN_N)
    many = [str(i) for i in range(100000)]
    for value in ([], [""], ["a", "é", ""], many):
        assert decode(encode(value)) == value
    with pytest.raises(ValueError, match=r"v\[1\]: .* has a zero byte"):
        encode(["a", "b\0"])
    with pytest.raises(TypeError, match=r"v: 'ab' is no sequence"):
        encode("ab")
    with pytest.raises(BrokenBlock, match="text is NULL"):
        decode(struct.pack("=QQQ", 16, 1, 0))


def test_records_in_records():
    for value in (Branch(None, None), Branch(Leaf(1, None), ""),
                  Branch(Leaf(-2 ** 31, 2 ** 31 - 1), "x")):
        assert through_record("branch", value) == value
    with pytest.raises(ValueError, match=r"v\.leaf\.maybe: 2147483648"):
        through_record("branch", Branch(Leaf(1, 2 ** 31)))
    with pytest.raises(TypeError, match=r"v\.leaf: 5 is no Leaf"):
        through_record("branch", Branch(5))


def test_records_in_place():
    """A nested record's offsets are its own plus where it stands."""
    C_POINT = c_struct("p", ("x", ctypes.c_double), ("y", ctypes.c_double))
    encode, decode, laid = both(
        Record("point"), [("v", C_POINT), ("after", ctypes.c_int8)],
        Field("after", "after", Int(8)))
    c = laid.from_buffer_copy(encode(Point(1, 2), 3))
    assert (c.v.x, c.v.y, c.after) == (1, 2, 3)
    assert decode(encode(Point(1, 2), 3)) == Point(1, 2)
    encode, decode, laid = both(
        Array(Record("point"), count=2), [("v", C_POINT * 2)])
    value = [Point(1, 2), Point(3, 4)]
    assert laid.from_buffer_copy(encode(value)).v[1].x == 3
    assert decode(encode(value)) == value
    with pytest.raises(ValueError, match="v: 1 elements, where it takes 2"):
        encode([Point(1, 2)])
    with pytest.raises(TypeError, match=r"v\[1\]\.y: 'a' is no float"):
        encode([Point(1, 2), Point(1, "a")])


def test_arrays_of_records_with_pointers():
    encode, decode, _ = both(
        Array(Record("branch"), len="n"), [("v", PTR), N], HIDDEN_N)
    value = [Branch(Leaf(i, i or None), str(i)) for i in range(100)]
    assert decode(encode(value)) == value
    with pytest.raises(BrokenBlock, match="elements at 16, where 16 bytes"):
        decode(struct.pack("=QQ", 16, 2 ** 60))


def test_maps():
    encode, decode, _ = both(
        Map("tag", len="n"), [("v", PTR), N], HIDDEN_N)
    for value in ({}, {"": 0}, {"a": -2 ** 31, "é": 2 ** 31 - 1},
                  {str(i): i for i in range(1000)}):
        assert decode(encode(value)) == value
        assert list(decode(encode(value))) == list(value)
    with pytest.raises(TypeError, match="v: key: 1 is no str"):
        encode({1: 1})
    with pytest.raises(ValueError, match=r"v\['a'\]: 2147483648 is not in"):
        encode({"a": 2 ** 31})
    with pytest.raises(TypeError, match="v: .* is no mapping"):
        encode([("a", 1)])
    encode, decode, _ = both(
        Map("tag", True, "n"), [("v", PTR), N], HIDDEN_N)
    assert decode(encode(None)) is None
    assert decode(encode({})) == {}


def test_maps_whose_key_has_a_default():
    """In Python it comes after the value, in C before."""
    laid = c_struct("rank", ("id", ctypes.c_int32), ("weight", PTR))
    made = codec(
        rank=(laid, record("Rank", "weight", "id"), [
            Field("weight", "weight", Text()), Field("id", "id", Int(32))]),
        f=(c_struct("f", ("v", PTR), N), Point, ()))
    fields = (Field("v", "v", Map("rank", len="n")), HIDDEN_N)
    encode = made.encoder("f", "f", *fields)
    block = encode({1: "a"})
    (where,) = struct.unpack_from("=Q", block)
    assert at(block, where, laid).id == 1
    assert made.decoder("f", "f", None, *fields)(block) == {1: "a"}
    with pytest.raises(TypeError, match="v: key: 'a' is no int"):
        encode({"a": "a"})
    (sample,), *_ = of_fields(fields, made)
    assert sample[2 ** 31 - 1] == ""


if __name__ == "__main__":
    main(__file__)

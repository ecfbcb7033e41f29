#!/usr/bin/env python3
"""Variants whose cases are told apart by Python's types, and those whose are
not: through C and back."""

import array
import ast
import datetime
import decimal
import enum
import fractions
import math
import struct
import subprocess
import types

from zoopkg import ROOT, TOOL, main, pytest, run

import ferry_zoo as z
from ferry_runtime.codec import BrokenBlock, UnknownCase
from ferry_zoo import _library

UTC = datetime.timezone.utc
MS = datetime.timedelta(milliseconds=1)
Kind = z.CellKind


class Text(str):
    pass


class Number(int):
    pass


class Indexed:
    """As numpy's integers: no int, and with a buffer, which this has not."""

    def __init__(self, n):
        self.n = n

    def __index__(self):
        return self.n


class Dot(z.Point):
    pass


# A value, its case, and what comes back where that is not the same.
CELLS = [
    (None, Kind.NOTHING),
    (True, Kind.YES), (False, Kind.YES),
    (0, Kind.NUMBER), (1, Kind.NUMBER), (-1, Kind.NUMBER),
    (2 ** 63 - 1, Kind.NUMBER), (-2 ** 63, Kind.NUMBER),
    (Number(7), Kind.NUMBER, 7), (Indexed(8), Kind.NUMBER, 8),
    (z.Colour.BLUE, Kind.NUMBER, 2 ** 31 - 1),
    (0.0, Kind.REAL), (-0.0, Kind.REAL), (1.0, Kind.REAL),
    (math.inf, Kind.REAL), (5e-324, Kind.REAL),
    (decimal.Decimal("0.5"), Kind.REAL, 0.5),
    (fractions.Fraction(1, 4), Kind.REAL, 0.25),
    ("", Kind.TEXT), ("é\0\U0001f43b\udcff", Kind.TEXT), ("\0", Kind.TEXT),
    (Text("sub"), Kind.TEXT, "sub"), ("x" * (1 << 20), Kind.TEXT),
    (b"", Kind.BLOB), (b"\0\xff", Kind.BLOB), (bytes(1 << 20), Kind.BLOB),
    (bytearray(b"ab"), Kind.BLOB, b"ab"),
    (memoryview(b"abcd")[::2], Kind.BLOB, b"ac"),
    (datetime.datetime(1969, 1, 1, tzinfo=UTC), Kind.BORN),
    (datetime.datetime.max.replace(tzinfo=UTC), Kind.BORN),
    (0 * MS, Kind.NAP), ((2 ** 32 - 1) * MS, Kind.NAP),
    (z.Point(1.5, -0.0), Kind.POINT),
    (Dot(1.0, 2.0), Kind.POINT, z.Point(1.0, 2.0)),
    ([], Kind.WORDS), (["", "a", "é"], Kind.WORDS),
    (("a", "b"), Kind.WORDS, ["a", "b"]),
    ({}, Kind.TAGS), ({"": -2 ** 31, "é": 2 ** 31 - 1}, Kind.TAGS),
    (types.MappingProxyType({"a": 1}), Kind.TAGS, {"a": 1}),
]


def cells(**more):
    values = dict(cells=[], entries={}, pair=[None, None], one=None)
    values.update(more)
    return z.Cells(**values)


def same(a, b):
    """Also of one type, and with the same sign."""
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.parametrize("value,kind,back", [
    (c + c[:1])[:3] if len(c) == 2 else c for c in CELLS])
def test_which_case_a_value_is(value, kind, back):
    assert z.sort_of(value) == kind
    assert same(_library.CODEC.copy("cell", value), back)


@run
async def test_values_wherever_they_stand():
    values = [c[-1] if len(c) == 3 else c[0] for c in CELLS]
    async with z.Zoo.open("x") as zoo:
        back = await zoo.cells_echo(cells(cells=[c[0] for c in CELLS]))
        assert all(map(same, back.cells, values))
        assert len(back.cells) == len(values)
        entries = {str(i): value for i, value in enumerate(values)}
        back = await zoo.cells_echo(cells(entries=entries))
        assert list(back.entries) == list(entries)
        assert all(map(same, back.entries.values(), values))
        for value in values:
            sent = cells(pair=[value, None], one=value)
            back = await zoo.cells_echo(sent)
            assert same(back.pair[0], value) and same(back.one, value)
            assert back == sent
        nan = (await zoo.cells_echo(cells(cells=[math.nan]))).cells[0]
        assert type(nan) is float and math.isnan(nan)
        # Of those that are absent, and of a case that has no data.
        for value in (None, 0, 2 ** 32 - 1, "", "1234567"):
            for more in ({"mark": value}, {"second": value}):
                sent = cells(**more)
                assert await zoo.cells_echo(sent) == sent
        for value in (None, z.LengthNone(), z.LengthMetres(1.0),
                      z.LengthFeet(-0.0)):
            sent = cells(length=value)
            back = await zoo.cells_echo(sent)
            assert same(back.length, value)


NONE_OF = "is none of None, bool, int, float, str, bytes, datetime, " \
    "timedelta, Point, list, dict$"


class Odd(enum.Enum):
    ONE = 1


@pytest.mark.parametrize("value", [
    object(), 1j, Odd.ONE, int, datetime.date(2026, 1, 1), z.Leaf(1), iter([]),
    z.LengthFeet(1.0)])
def test_what_fits_no_case(value):
    with pytest.raises(TypeError, match=r"^zoo\.sort_of: cell: .*" + NONE_OF):
        z.sort_of(value)


@run
async def test_bad_values_are_never_submitted():
    async with z.Zoo.open("x") as zoo:
        for value, kind, text in (
                (cells(cells=[1, object()]), TypeError,
                 r"in\.cells\[1\]: .*" + NONE_OF),
                (cells(entries={"a": 1j}), TypeError,
                 r"in\.entries\['a'\]: .*" + NONE_OF),
                (cells(pair=[1, ...]), TypeError, r"in\.pair\[1\]: Ellipsis"),
                (cells(one=2 ** 63), ValueError, r"in\.one: 9223372036854775"
                 r"808 is not in"),
                (cells(one=["a", 5]), TypeError, r"in\.one\[1\]: 5 is no str"),
                (cells(one={1: 1}), TypeError, r"in\.one: key: 1 is no str"),
                (cells(one="\ud800"), ValueError, r"in\.one: .* surrogate"),
                (cells(one=datetime.datetime(2026, 1, 1)), ValueError,
                 r"in\.one: .* has no time zone"),
                (cells(one=-MS), ValueError, r"in\.one: .* is not in"),
                (cells(one=z.Point("x")), TypeError,
                 r"in\.one\.x: 'x' is no float"),
                (cells(mark=1.5), TypeError,
                 r"in\.mark: 1\.5 is none of int, str$"),
                (cells(second="12345678"), ValueError,
                 r"in\.second: 8 bytes of text, where 7 fit"),
                (cells(length=1.5), TypeError, r"in\.length: 1\.5 is none of "
                 r"LengthNone, LengthMetres, LengthFeet$")):
            with pytest.raises(kind, match=r"^zoo\.cells_echo: " + text):
                zoo.cells_echo(value)
        assert zoo.context.counters()["submitted"] == 0


def test_a_float_where_there_is_no_int():
    """And what else may be one."""
    for value in (1, True, Indexed(2), 2.5):
        back = _library.CODEC.copy("shape", value)
        assert type(back) is float
    with pytest.raises(ValueError, match="shape: 1000.* does not fit into 64"):
        _library.CODEC.copy("shape", 10 ** 400)


def test_a_bool_where_there_is_only_an_int():
    assert _library.CODEC.copy("mark", True) == 1
    with pytest.raises(TypeError, match=r"mark: b'1' is none of int, str$"):
        _library.CODEC.copy("mark", b"1")


def test_what_is_both_bytes_and_a_list():
    """An array is a list where there is one."""
    with pytest.raises(TypeError, match=r"cell\[0\]: 1 is no str"):
        _library.CODEC.copy("cell", array.array("B", b"\1"))


def put(value):
    data = bytearray(_library.PACKAGE.layout("cell").size)
    _library.CODEC.putter("cell")(data, 0, value)
    return data


def test_tags_that_the_header_does_not_have():
    for n in (99, 11, 2 ** 32 - 1):
        unknown = UnknownCase(n)
        assert _library.CODEC.copy("cell", unknown) == unknown
        with pytest.raises(Exception, match="argument cell cannot be right"):
            z.sort_of(unknown)
    get_all = _library.CODEC.array_getter("cell")
    data = bytes(put(1) + put(UnknownCase(99)) + put(0.5))
    assert get_all(data, 0, 3) == [1, UnknownCase(99), 0.5]


def test_blocks_that_end_too_soon():
    get_all = _library.CODEC.array_getter("cell")
    get = _library.CODEC.getter("cell")
    data = bytes(put(1) + put(None))
    size = len(data) // 2
    assert get_all(data, 0, 2) == [1, None]
    for at, n in ((0, 3), (size, 2), (1, 2), (2 ** 64 - 1, 1), (0, 2 ** 63),
                  (0, -1)):
        with pytest.raises((ValueError, OverflowError)):
            get_all(data, at, n)
    with pytest.raises(struct.error):
        get(data, size + 1)
    for kind in ("text", "blob", "words", "tags"):
        layout = _library.PACKAGE.layout("cell")
        for offset, length in ((0, 1), (size * 2, 1), (1, 2 ** 64 - 1),
                               (2 ** 64 - 1, 1)):
            broken = bytearray(size)
            struct.pack_into("=I", broken, layout.fields["kind"][0],
                             Kind[kind.upper()])
            struct.pack_into("=Q", broken, layout.fields["as." + kind][0],
                             offset)
            struct.pack_into("=Q", broken, layout.fields["size"][0], length)
            for decode in (get, lambda d, at: get_all(d, at, 1)):
                with pytest.raises((ValueError, OverflowError)):
                    decode(bytes(broken), 0)


def test_a_broken_block_has_a_name():
    with pytest.raises(BrokenBlock, match="^zoo.sort_of: "):
        _library.call_sort_of.decode(b"")


HEADER = """\
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ferry/marks.h>
FERRY_LIBRARY(name = sorts)
typedef enum k { K_A, K_B, K_C } k FERRY(enum);
typedef struct one { int x; } one FERRY(record);
typedef struct two { int x; } two FERRY(record);
typedef struct pair { const char *key; int x; } pair FERRY(record);
typedef struct inner { k tag FERRY(tag);
    union { double x FERRY(case = K_A); const char *s FERRY(case = K_B); } as;
} inner FERRY(variant);
%s
typedef struct uses { int x; %s } uses FERRY(record);
FERRY(function) void call(const uses *u%s);
"""
VARIANT = """typedef struct v { k tag FERRY(tag); union {
    %s FERRY(case = K_A%s); %s FERRY(case = K_B%s);%s } as; size_t n;%s
} v FERRY(variant);"""


def union_of(tmp_path, a, b, of_a="", of_b="", c="", n="", uses="",
             parameters=""):
    """What Python has for a variant of two members, or three cases."""
    text = HEADER % (VARIANT % (a, of_a, b, of_b, c, n), uses, parameters)
    if ", len = n" not in text:
        text = text.replace(" size_t n;", "")
    (tmp_path / "sorts.h").write_text(text)
    done = subprocess.run(
        [TOOL, "gen", "sorts.h", "--lang", "python", "-o", ".", "-I",
         str(ROOT / "include")], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    source = (tmp_path / "python/ferry_sorts/types.py").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "V":
            return ast.get_source_segment(source, node.value)


THIRD = " float third FERRY(case = K_C);"
CLASSES = "Union[VA, VB, VC]"
TIME = ", time = ms"


@pytest.mark.parametrize("a,b,more,union", [
    ("int x", "const char *s", {}, "int, str, None"),
    ("bool x", "uint8_t y", {}, "bool, int, None"),
    ("one x", "two y", {}, "One, Two, None"),
    ("const one *x", "double y", {}, "One, float, None"),
    ("int x[2]", "uint8_t y[4]", {}, "List[int], bytes, None"),
    ("const pair *x", "const one *y", {
        "of_a": ", map, len = n", "of_b": ", len = n"},
     "Dict[str, int], List[One], None"),
    ("int64_t x", "int y", {"of_a": TIME},
     "datetime.datetime, int, None"),
    ("int64_t x", "int64_t y", {"of_a": TIME, "of_b": ", duration = ms"},
     "datetime.datetime, datetime.timedelta, None"),
    ("k x", "double y", {}, "Union[K, int], float, None"),
    ("int x", "bool y", {"c": THIRD}, "int, bool, float"),
    # Where it is absent there is no doubt: it is None in no case.
    ("int x", "bool y", {
        "c": THIRD, "parameters": ", const v *w FERRY(nullable)"},
     "int, bool, float"),
    # Two of one type.
    ("int x", "uint8_t y", {}, None),
    ("k x", "int y", {}, None),
    ("double x", "bool y", {"c": THIRD}, None),
    ("one x", "const one *y", {}, None),
    ("char x[4]", "const char *y", {}, None),
    ("int x[2]", "const one *y", {"of_b": ", len = n"}, None),
    ("int64_t x", "int y", {"of_a": ", time = ns"}, None),
    ("int64_t x", "int64_t y", {"of_a": TIME, "of_b": TIME}, None),
    # A variant, which may be anything.
    ("inner x", "bool y", {}, None),
    ("const inner *x", "bool y", {}, None),
    # None might be that it is absent.
    ("int x", "bool y", {
        "parameters": ", const v *w FERRY(nullable)"}, None),
    ("int x", "bool y", {
        "uses": "v w FERRY(optional = has_w); bool has_w;"}, None),
])
def test_which_variants_are_plain(tmp_path, a, b, more, union):
    wanted = "Union[%s]" % union if union else CLASSES
    assert union_of(tmp_path, a, b, **more) == wanted


if __name__ == "__main__":
    main(__file__)

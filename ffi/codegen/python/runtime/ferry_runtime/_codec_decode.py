"""Decoders, written as Python source and compiled once.

A decoder unpacks all numbers of a struct, and of the records in it, by one
Struct, and makes the value by one expression. Slices of bytes end where the
bytes do, and each that comes out too short is an error: nothing outside the
block is ever looked at.
"""

from __future__ import annotations

import datetime
import itertools
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

from ._codec_encode import (
    POINTERS, array_code, is_number, number_code, struct_of)
from ._codec_types import (
    EPOCH, MICROSECOND, UNITS, Array, Bool, Bytes, Enum, Field, Float, Handle,
    Map, Maybe, Pointer, Record, Text, Time, visible)

Slot = Tuple[int, str, str]     # offset, format, variable


class Values(Dict[int, Any]):
    """From numbers to an enum's values; unknown ones stay numbers."""

    def __init__(self, of: Any) -> None:
        super().__init__((int(value), value)
                         for value in of.__members__.values())

    def __missing__(self, n: int) -> int:
        return n


class Flags(Values):
    """Sums are made when they are met, and a few of them kept."""

    def __init__(self, of: Any) -> None:
        super().__init__(of)
        self.of = of

    def __missing__(self, n: int) -> Any:
        if n < 0:
            return n
        value = self.of(n)
        if len(self) < 1000:
            self[n] = value
        return value


def missing(name: str) -> Any:
    raise ValueError("%s is NULL" % name)


def cut(d: bytes, at: int, size: int) -> bytes:
    data = d[at:at + size]
    if len(data) != size or size < 0:
        raise ValueError("%d bytes at %d, where %d are" % (size, at, len(d)))
    return data


def numbers(d: bytes, at: int, n: int, size: int, code: Any) -> List[Any]:
    return memoryview(cut(d, at, n * size)).cast(code).tolist()


def texts(d: bytes, at: int, n: int, size: int) -> List[str]:
    offsets = memoryview(cut(d, at, n * size)).cast(POINTERS[size])
    return [d[o:d.index(0, o)].decode("utf-8", "surrogateescape")
            if o else missing("text") for o in offsets.tolist()]


def records(d: bytes, at: int, n: int, size: int,
            get: Callable[[bytes, int], Any]) -> List[Any]:
    if n < 0 or at + n * size > len(d):
        raise ValueError("%d elements at %d, where %d bytes are" % (
            n, at, len(d)))
    return [get(d, o) for o in range(at, at + n * size, size)]


def time_int(n: int, unit: int) -> datetime.datetime:
    return EPOCH + n * unit * MICROSECOND


def time_float(n: float, unit: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=n * unit)


def duration_int(n: int, unit: int) -> datetime.timedelta:
    return n * unit * MICROSECOND


def duration_float(n: float, unit: int) -> datetime.timedelta:
    return datetime.timedelta(microseconds=n * unit)


HELPERS: Dict[str, Any] = {
    f.__name__: f for f in (
        missing, cut, numbers, texts, records, time_int, time_float,
        duration_int, duration_float)}
HELPERS["starmap"] = itertools.starmap


class Decoder:
    """The source of one function f(d, at) in the making."""

    def __init__(self, codec: Any) -> None:
        self.codec = codec
        self.slots: List[Slot] = []
        self.globals: Dict[str, Any] = dict(HELPERS)
        self.counts: Dict[str, str] = {}
        self.plain = True    # the values are the variables, in their order
        self.n = 0

    def new(self, stem: str = "v") -> str:
        self.n += 1
        return "%s%d" % (stem, self.n)

    def shared(self, value: Any) -> str:
        name = self.new("g")
        self.globals[name] = value
        return name

    def slot(self, offset: int, code: str) -> str:
        # Cases of a variant share what stands at the same place.
        for at, known, name in self.slots:
            if (at, known) == (offset, code):
                return name
        name = self.new()
        self.slots.append((offset, code, name))
        return name

    def values(self, layout: Any, fields: Tuple[Field, ...],
               base: int) -> List[str]:
        """An expression for each field of a struct at `base`."""
        outer, self.counts = self.counts, {}
        for f in fields:
            if f.name is None:
                self.plain = False
                self.counts[f.c_name] = self.slot(
                    base + layout.fields[f.c_name][0], number_code(f.type))
        result = []
        for f in visible(fields):
            offset, size = layout.fields[f.c_name]
            self.plain = self.plain and type(f.type).__name__ in (
                "Int", "Float", "Bool")
            result.append(self.value(f.type, base + offset, size,
                                     f.name or ""))
        self.counts = outer
        return result

    def value(self, t: Any, offset: int, size: int, name: str) -> str:
        if isinstance(t, Maybe):
            if t.has is not None:
                has = self.counts[t.has]
                return "%s if %s else None" % (
                    self.paren(t.of, offset, size, name), has)
            at = self.slot(offset, POINTERS[size])
            return "%s if %s else None" % (self.pointed(t.of, at), at)
        method = getattr(self, "get_" + type(t).__name__.lower())
        return str(method(t, offset, size, name))

    def paren(self, t: Any, offset: int, size: int, name: str) -> str:
        return "(%s)" % self.value(t, offset, size, name)

    def get_int(self, t: Any, offset: int, size: int, name: str) -> str:
        return self.slot(offset, number_code(t))

    get_float = get_bool = get_handle = get_int

    def get_handle(self, t: Handle, offset: int, size: int,  # type: ignore
                   name: str) -> str:
        return self.slot(offset, "Q")

    def get_enum(self, t: Enum, offset: int, size: int, name: str) -> str:
        return "%s[%s]" % (self.shared(self.codec.values_of(t.of)),
                           self.slot(offset, number_code(t)))

    def get_time(self, t: Any, offset: int, size: int, name: str) -> str:
        n = self.slot(offset, number_code(t))
        return self.timed(t, n)

    get_duration = get_time

    def timed(self, t: Any, n: str) -> str:
        if t.unit == "ns":
            return n
        return "%s_%s(%s, %d)" % (
            "time" if isinstance(t, Time) else "duration",
            "float" if isinstance(t.number, Float) else "int",
            n, UNITS[t.unit])

    def pointed(self, of: Any, at: str) -> str:
        """What stands at a pointer: a record or number."""
        if isinstance(of, Record):
            return "%s(d, %s)" % (self.shared(self.codec.getter(of.name)), at)
        code = number_code(of)
        n = "%s(d, %s)[0]" % (
            self.shared(struct.Struct("=" + code).unpack_from), at)
        if isinstance(of, Enum):
            return "%s[%s]" % (self.shared(self.codec.values_of(of.of)), n)
        return n if is_number(of) else self.timed(of, n)

    def or_null(self, t: Any, at: str, value: str, name: str) -> str:
        return "%s if %s else %s" % (
            value, at, "None" if t.nullable else "missing(%r)" % name)

    def get_text(self, t: Text, offset: int, size: int, name: str) -> str:
        tail = ".decode('utf-8', 'surrogateescape')"
        if t.count:
            data = self.slot(offset, "%ds" % size)
            return "%s.partition(b'\\0')[0]%s" % (data, tail)
        at = self.slot(offset, POINTERS[size])
        if t.len is None:
            return self.or_null(
                t, at, "d[%s:d.index(0, %s)]%s" % (at, at, tail), name)
        return self.or_null(t, at, self.cut(at, self.counts[t.len]) + tail,
                            name)

    def get_bytes(self, t: Bytes, offset: int, size: int, name: str) -> str:
        if t.count:
            return self.slot(offset, "%ds" % size)
        at = self.slot(offset, POINTERS[size])
        return self.empty_or(
            t, at, self.cut(at, self.count(t)), "b''", name)

    def cut(self, at: str, n: str) -> str:
        """cut(), called for what is too short only."""
        data = self.new()
        return "(%s if len(%s := d[%s:%s + %s]) == %s else cut(d, %s, %s))" % (
            data, data, at, at, n, n, at, n)

    def count(self, t: Any) -> str:
        return self.counts[t.len]

    def empty_or(self, t: Any, at: str, value: str, empty: str,
                 name: str) -> str:
        """An array that is not nullable may be NULL when it is empty."""
        return "%s if %s else %s" % (
            value, at, "None" if t.nullable else
            "%s if not %s else missing(%r)" % (empty, self.count(t), name))

    def get_record(self, t: Record, offset: int, size: int,
                   name: str) -> str:
        self.plain = False
        if self.codec.is_variant(t.name):
            return "%s(d, at + %d)" % (
                self.shared(self.codec.getter(t.name)), offset)
        values = self.values(self.codec.layout(t.name),
                             self.codec.fields(t.name), offset)
        self.plain = False
        return "%s(%s)" % (self.shared(self.codec.maker(t.name)),
                           ", ".join(values))

    def get_pointer(self, t: Pointer, offset: int, size: int,
                    name: str) -> str:
        at = self.slot(offset, POINTERS[size])
        return "%s if %s else missing(%r)" % (
            self.pointed(t.of, at), at, name)

    def get_array(self, t: Array, offset: int, size: int, name: str) -> str:
        if t.count:
            return self.array_at(t, "at + %d" % offset, str(t.count),
                                 size // t.count)
        at = self.slot(offset, POINTERS[size])
        value = self.array_at(t, at, self.count(t), size)
        return self.empty_or(t, at, value, "[]", name)

    def array_at(self, t: Array, at: str, n: str, pointer: int) -> str:
        of = t.of
        if isinstance(of, Record):
            plain = self.codec.plain(of.name)
            if plain is not None:
                return "list(starmap(%s, %s(cut(d, %s, %s * %d))))" % (
                    self.shared(self.codec.maker(of.name)),
                    self.shared(plain.iter_unpack), at, n, plain.size)
            if self.codec.is_variant(of.name):
                return "%s(d, %s, %s)" % (
                    self.shared(self.codec.array_getter(of.name)), at, n)
            return "records(d, %s, %s, %d, %s)" % (
                at, n, self.codec.layout(of.name).size,
                self.shared(self.codec.getter(of.name)))
        if isinstance(of, Text):
            return "texts(d, %s, %s, %d)" % (at, n, pointer)
        code = array_code(of)
        value = "numbers(d, %s, %s, %d, %r)" % (
            at, n, struct.calcsize("=" + number_code(of)),
            "?" if isinstance(of, Bool) else code)
        if isinstance(of, Enum):
            return "[%s[e] for e in %s]" % (
                self.shared(self.codec.values_of(of.of)), value)
        return value

    def get_map(self, t: Map, offset: int, size: int, name: str) -> str:
        at = self.slot(offset, POINTERS[size])
        value = "dict(records(d, %s, %s, %d, %s))" % (
            at, self.count(t), self.codec.layout(t.name).size,
            self.shared(self.codec.entry_getter(t.name)))
        return self.empty_or(t, at, value, "{}", name)

    def getter(self, expression: str) -> Any:
        """f(d, at) → value"""
        return self.compile("d, at", self.unpacking(expression))

    def block(self, expression: str,
              broken: Callable[[Exception], Exception]) -> Any:
        """f(d) → value"""
        self.globals.update(broken=broken, Wrong=(
            ValueError, OverflowError, struct.error))
        return self.compile("d", [
            "    try:", "        at = 0",
            *("    " + line for line in self.unpacking(expression)),
            "    except Wrong as e:", "        raise broken(e) from e"])

    def unpacking(self, expression: str) -> List[str]:
        lines = []
        for layer in layers(self.slots):
            fmt, names = struct_of(layer)
            lines.append("    (%s,) = %s(d, at)" % (
                ", ".join(names),
                self.shared(struct.Struct(fmt).unpack_from)))
        return lines + ["    return " + expression]

    def compile(self, parameters: str, lines: List[str]) -> Any:
        exec("\n".join(["def decode(%s):" % parameters, *lines]),
             self.globals)
        return self.globals["decode"]

    def plain_struct(self, size: int) -> Optional[struct.Struct]:
        """If the values are the numbers in their order: for starmap."""
        fmt, names = struct_of(self.slots)
        order = [name for _, _, name in self.slots]
        if not self.plain or names != order:
            return None
        return padded(fmt, size)


def padded(fmt: str, size: int) -> struct.Struct:
    rest = size - struct.calcsize(fmt)
    return struct.Struct(fmt + ("%dx" % rest if rest else ""))


def layers(slots: List[Slot]) -> List[List[Slot]]:
    """The slots in their order; what overlaps is in different lists."""
    result: List[List[Slot]] = []
    ends: List[int] = []
    for slot in sorted(slots):
        offset, code, _ = slot
        for i, end in enumerate(ends):
            if end <= offset:
                break
        else:
            i = len(ends)
            ends.append(0)
            result.append([])
        result[i].append(slot)
        ends[i] = offset + struct.calcsize("=" + code)
    return result

"""Encoders, written as Python source and compiled once.

An encoder of a record or argument list extends `b`, a bytearray, by what its
pointers point to, and packs all its own numbers by one Struct, whose format
follows from the layout's offsets. It is made for good values: whatever a bad
one raises sends codec.py to look for the culprit, slowly.
"""

from __future__ import annotations

import array
import operator
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

from ._codec_pack import HELPERS
from ._codec_types import (
    FLOATS, INTS, UNITS, Array, Bool, Bytes, Duration,
    Enum, Field, Float, Handle, Int, Map, Maybe, Pointer, Record, Text, Time,
    visible)

POINTERS = {4: "I", 8: "Q"}
# array's letters are those of C's types, whose sizes differ by machine.
ARRAYS: Dict[int, Dict[str, str]] = {1: {}, 2: {}, 4: {}, 8: {}}
for _code in "bBhHiIlLqQ":
    ARRAYS[array.array(_code).itemsize][
        "u" if _code.isupper() else "i"] = _code


def number_code(t: Any) -> str:
    """struct's letter for a number."""
    if isinstance(t, (Time, Duration)):
        t = t.number
    if isinstance(t, Float):
        return FLOATS[t.bits]
    if isinstance(t, Bool):
        return "?"
    return INTS[t.bits, t.signed]


def array_code(t: Any) -> str:
    """array's letter for a number; a bool's are bytes."""
    if isinstance(t, Float):
        return FLOATS[t.bits]
    if isinstance(t, Bool):
        return "B"
    return ARRAYS[t.bits // 8]["i" if t.signed else "u"]


def is_number(t: Any) -> bool:
    return isinstance(t, (Int, Float, Bool, Enum))


Slot = Tuple[int, str, str]     # offset, format, source


class Encoder:
    """The source of one function in the making."""

    def __init__(self, codec: Any) -> None:
        self.codec = codec
        self.lines: List[str] = []
        self.holes: List[int] = []  # offsets of what is put by itself
        self.slots: List[Slot] = []
        self.counts: Dict[str, str] = {}              # c_name → variable
        self.globals: Dict[str, Any] = dict(HELPERS)
        self.n = 0
        # Where a block ends, as long as that does not depend on the values:
        # what is pointed to so far is packed with the rest.
        self.end: Optional[int] = None
        self.size = 0
        self.grows = False

    def new(self, stem: str = "v") -> str:
        self.n += 1
        return "%s%d" % (stem, self.n)

    def shared(self, value: Any) -> str:
        name = self.new("g")
        self.globals[name] = value
        return name

    def say(self, line: str) -> None:
        self.lines.append("    " + line)

    def grow(self) -> None:
        """From here on it depends on the values how long the block is."""
        self.end = None
        self.grows = True

    def slot(self, offset: int, code: str, source: str) -> None:
        self.slots.append((offset, code, source))

    def struct(self, layout: Any, fields: Tuple[Field, ...], base: int,
               source: Callable[[Field], str]) -> None:
        """Fields of a struct that begins `base` bytes after the block's."""
        outer, self.counts = self.counts, {}
        # The block has everything in the order of C's fields.
        places: List[Any] = [layout.fields[f.c_name] + (f,)
                             for f in visible(fields)]
        for offset, size, f in sorted(places, key=operator.itemgetter(0)):
            self.field(f, base + offset, size, source(f))
        for f in fields:
            if f.name is None:
                if f.c_name not in self.counts:
                    raise ValueError("%s counts nothing" % f.c_name)
                self.slot(base + layout.fields[f.c_name][0],
                          number_code(f.type), self.counts[f.c_name])
        self.counts = outer

    def count(self, c_name: Optional[str], source: str) -> None:
        if c_name is None:
            return
        if c_name in self.counts:
            self.say("if %s != %s: raise ValueError" % (
                self.counts[c_name], source))
        else:
            self.counts[c_name] = source

    def field(self, f: Field, offset: int, size: int, source: str) -> None:
        t = f.type
        if isinstance(t, Maybe):
            if t.has is not None:
                has = self.new("h")
                self.say("%s = %s is not None" % (has, source))
                self.counts[t.has] = has
                self.unless_none(source, Field(f.name, f.c_name, t.of),
                                 offset, size)
            else:
                self.unless_none(source, Field(f.name, f.c_name,
                                               Pointer(t.of)), offset, size)
        elif getattr(t, "nullable", False):
            bare = type(t)(**{**t.__dict__, "nullable": False})
            self.unless_none(source, Field(f.name, f.c_name, bare),
                             offset, size)
        else:
            getattr(self, "put_" + type(t).__name__.lower())(
                t, offset, size, source)

    def unless_none(self, source: str, f: Field, offset: int,
                    size: int) -> None:
        """What the field needs, below an `if`; zeros for None."""
        value = self.new()
        self.say("%s = %s" % (value, source))
        lines, slots, counts = self.lines, self.slots, self.counts
        self.lines, self.slots, self.counts = [], [], {}
        end, self.end = self.end, None
        self.field(f, offset, size, value)
        self.end = None if self.grows else end
        lines.append("    if %s is not None:" % value)
        zeros = []
        for at, code, src in self.slots:
            name = self.new()
            self.say("%s = %s" % (name, src))
            zeros.append("%s = %s" % (
                name, "b''" if code.endswith("s") else "0"))
            slots.append((at, code, name))
        for c_name, src in self.counts.items():
            name = self.new()
            self.say("%s = %s" % (name, src))
            zeros.append("%s = 0" % name)
            counts[c_name] = name
        lines += ["    " + line for line in self.lines or ["    pass"]]
        lines.append("    else:")
        lines += ["        " + line for line in zeros or ["pass"]]
        self.lines, self.slots, self.counts = lines, slots, counts

    def put_int(self, t: Any, offset: int, size: int, source: str) -> None:
        self.slot(offset, number_code(t), source)

    put_float = put_enum = put_int

    def put_bool(self, t: Any, offset: int, size: int, source: str) -> None:
        self.slot(offset, "?", "BOOL[%s]" % source)

    def put_handle(self, t: Any, offset: int, size: int, source: str) -> None:
        token = "%s.token" % source
        if t.of is not None:
            self.say("if not isinstance(%s, %s): raise TypeError" % (
                source, self.shared(t.of)))
        self.slot(offset, "Q", token)

    def put_time(self, t: Any, offset: int, size: int, source: str) -> None:
        if t.unit != "ns":
            kind = "float" if isinstance(t.number, Float) else "int"
            source = "%s_%s(%s, %d)" % (
                type(t).__name__.lower(), kind, source, UNITS[t.unit])
        self.slot(offset, number_code(t), source)

    put_duration = put_time

    def put_text(self, t: Text, offset: int, size: int, source: str) -> None:
        if t.count:
            self.slot(offset, "%ds" % size, "fixed_text(%s, %d)" % (
                source, t.count))
            return
        self.grow()
        data, at = self.new(), self.new("o")
        if t.len is None:
            self.say("%s = text(%s)" % (data, source))
        else:
            self.say("%s = %s.encode('utf-8', 'surrogateescape') + b'\\0'" % (
                data, source))
            self.count(t.len, "len(%s) - 1" % data)
        self.say("%s = len(b); b += %s" % (at, data))
        self.slot(offset, POINTERS[size], at)

    def put_bytes(self, t: Bytes, offset: int, size: int,
                  source: str) -> None:
        if t.count:
            self.slot(offset, "%ds" % size, "fixed_bytes(%s, %d)" % (
                source, t.count))
            return
        self.grow()
        data, at = self.new(), self.new("o")
        self.say("%s = memoryview(%s).tobytes()" % (data, source))
        self.count(t.len, "len(%s)" % data)
        self.say("%s = len(b); b += %s" % (at, data))
        self.slot(offset, POINTERS[size], at)

    def put_record(self, t: Record, offset: int, size: int,
                   source: str) -> None:
        if self.codec.is_variant(t.name):
            self.holes.append(offset)
            self.grow()
            self.say("%s(b, at + %d, %s)" % (
                self.shared(self.codec.putter(t.name)), offset, source))
            return
        value = self.new()
        self.say("%s = %s" % (value, source))
        self.struct(self.codec.layout(t.name), self.codec.fields(t.name),
                    offset, lambda f: "%s.%s" % (value, f.name))

    def put_pointer(self, t: Pointer, offset: int, size: int,
                    source: str) -> None:
        of: Any = t.of
        if self.end is not None and isinstance(of, Record) and \
                not self.codec.is_variant(of.name):
            layout = self.codec.layout(of.name)
            start = -(-self.end // layout.align) * layout.align
            self.end = self.size = start + layout.size
            self.slot(offset, POINTERS[size], str(start))
            self.put_record(of, start, layout.size, source)
            return
        self.grow()
        at = self.new("o")
        if isinstance(of, Record):
            layout = self.codec.layout(of.name)
            self.say("%s = place(b, %d, %d)" % (at, layout.size, layout.align))
            self.say("%s(b, %s, %s)" % (
                self.shared(self.codec.putter(of.name)), at, source))
        else:
            code = number_code(of)
            inner, self.slots = self.slots, []
            self.field(Field("", "", of), 0, struct.calcsize("=" + code),
                       source)
            number, self.slots = self.slots[0][2], inner
            self.say("%s = append(b, %s(%s), %d)" % (
                at, self.shared(struct.Struct("=" + code).pack), number,
                struct.calcsize("=" + code)))
        self.slot(offset, POINTERS[size], at)

    def put_array(self, t: Array, offset: int, size: int,
                  source: str) -> None:
        if is_number(t.of):
            self.put_numbers(t, offset, size, source)
        elif t.count:
            self.grow()
            self.put_fixed(t, offset, size, source)
        else:
            self.grow()
            at = self.new("o")
            self.count(t.len, "len(%s)" % source)
            if isinstance(t.of, Record) and self.codec.is_variant(t.of.name):
                self.say("%s = %s(b, %s)" % (at, self.shared(
                    self.codec.array_putter(t.of.name)), source))
            elif isinstance(t.of, Record):
                layout = self.codec.layout(t.of.name)
                self.say("%s = records(b, %s, %s, %d, %d)" % (
                    at, source, self.shared(self.codec.putter(t.of.name)),
                    layout.size, layout.align))
            else:
                self.say("%s = place(b, counted(%s) * %d, %d)" % (
                    at, source, size, size))
                self.say("texts(b, %s, %s, %r)" % (
                    at, source, POINTERS[size]))
            self.slot(offset, POINTERS[size], at)

    def put_numbers(self, t: Array, offset: int, size: int,
                    source: str) -> None:
        data, code = self.new(), array_code(t.of)
        self.say("%s = packed%s(%r, %s)" % (
            data, "_bools" if isinstance(t.of, Bool) else "", code, source))
        if t.count:
            self.say("if len(%s) != %d: raise ValueError" % (data, size))
            self.slot(offset, "%ds" % size, data)
            return
        self.grow()
        one, at = array.array(code).itemsize, self.new("o")
        self.count(t.len, "len(%s) // %d" % (data, one))
        self.say("%s = append(b, %s, %d)" % (at, data, one))
        self.slot(offset, POINTERS[size], at)

    def put_fixed(self, t: Array, offset: int, size: int,
                  source: str) -> None:
        self.holes.append(offset)
        if isinstance(t.of, Record):
            self.say("fixed_records(b, at + %d, %s, %s, %d, %d)" % (
                offset, source, self.shared(self.codec.putter(t.of.name)),
                size // t.count, t.count))
        else:
            self.say("counted(%s, %d)" % (source, t.count))
            self.say("texts(b, at + %d, %s, %r)" % (
                offset, source, POINTERS[size // t.count]))

    def put_map(self, t: Map, offset: int, size: int, source: str) -> None:
        self.grow()
        at, layout = self.new("o"), self.codec.layout(t.name)
        self.count(t.len, "len(%s)" % source)
        self.say("%s = entries(b, %s, %s, %d, %d)" % (
            at, source, self.shared(self.codec.entry_putter(t.name)),
            layout.size, layout.align))
        self.slot(offset, POINTERS[size], at)

    def putter(self, layout: Any, fields: Tuple[Field, ...],
               parameters: str, source: Callable[[Field], str]) -> Any:
        """f(b, at, …)"""
        self.struct(layout, fields, 0, source)
        return self.compile(parameters, self.lines + self.packing())

    def part(self, layout: Any, fields: Tuple[Field, ...],
             source: Callable[[Field], str], tag: Slot) -> List[str]:
        """Lines that put a struct with `tag`; nothing is kept of it."""
        self.lines, self.holes, self.slots = [], [], [tag]
        self.struct(layout, fields, 0, source)
        return self.lines + self.packing()

    def block(self, layout: Any, fields: Tuple[Field, ...],
              failed: Callable[[Tuple[Any, ...]], None]) -> Any:
        """f(…) → bytes. It calls failed((…)) before it raises."""
        names = ["a_%s" % f.name for f in visible(fields)]
        self.end = self.size = layout.size
        self.struct(layout, fields, 0, lambda f: "a_%s" % f.name)
        if self.grows or self.holes or not self.slots:
            lines = ["    b = bytearray(%d)" % self.size, "    at = 0",
                     *self.lines, *self.packing(), "    return bytes(b)"]
        else:
            fmt, sources = struct_of(self.slots)
            rest = self.size - struct.calcsize(fmt)
            self.globals["pack"] = struct.Struct(fmt + "%dx" % rest).pack
            lines = self.lines + ["    return pack(%s)" % ", ".join(sources)]
        self.globals["failed"] = failed
        return self.compile(", ".join(names), [
            "    try:", *("    " + line for line in lines),
            "    except Exception:",
            "        failed((%s))" % "".join(n + ", " for n in names),
            "        raise"])

    def packing(self) -> List[str]:
        lines = []
        for slots in self.runs():
            first = slots[0][0]
            fmt, sources = struct_of([(at - first, code, source)
                                      for at, code, source in slots])
            lines.append("    %s(b, at%s, %s)" % (
                self.shared(struct.Struct(fmt).pack_into),
                " + %d" % first if first else "", ", ".join(sources)))
        return lines

    def compile(self, parameters: str, lines: List[str]) -> Any:
        exec("\n".join(["def encode(%s):" % parameters, *lines, "    pass"]),
             self.globals)
        return self.globals["encode"]

    def runs(self) -> List[List[Slot]]:
        """The slots in their order. No run goes over a hole: packing clears
        what lies between a struct's numbers."""
        runs: List[List[Slot]] = []
        holes = sorted(self.holes)
        for slot in sorted(self.slots):
            if not runs or holes and holes[0] < slot[0]:
                runs.append([])
                holes = [at for at in holes if at > slot[0]]
            runs[-1].append(slot)
        return runs


def struct_of(slots: List[Slot]) -> Tuple[str, List[str]]:
    """A format with the slots at their offsets, and their sources in order."""
    at, fmt, sources = 0, "=", []
    for offset, code, source in sorted(slots):
        if offset > at:
            fmt += "%dx" % (offset - at)
        fmt += code
        sources.append(source)
        at = offset + struct.calcsize("=" + code)
    return fmt, sources

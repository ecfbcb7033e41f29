"""Python's values to one block of bytes, and back.

A package says what its records, arguments and results are made of, by the
descriptors below; where each field stands says the loaded library's layout.
For each a function is written and compiled.

    codec = Codec("zoo", package.layout)
    codec.record("point", Point, Field("x", "x", Float()), …)
    echo_in = codec.encoder("echo.in", "echo", Field("at", "at", …))
    echo_out = codec.decoder("echo.out", "echo", None, Field(…))
    block = echo_in(Point(1, 2))

How C's values are seen:

    integers          int, in the type's bounds
    text              str. What is no UTF-8 becomes lone surrogates, as file
                      names do (PEP 383), and comes out as it was; other lone
                      surrogates are refused, and zero bytes where C's text
                      would end
    bytes             bytes; anything with a buffer going in
    arrays, maps      list, dict; anything with a length going in. Of two
                      entries with one key the last stays
    enums             IntEnum, flags IntFlag; values not in the list are int
    variants          the case's value, where no case has a class; else one
                      class for each. UnknownCase for a tag that has none
    time              datetime, UTC; what is finer than the unit is cut off,
                      and years before 1 or after 9999 are refused. Without a
                      time zone it is refused. In nanoseconds: int
    duration          timedelta, rounded up to the unit. In nanoseconds: int

A bad value raises TypeError or ValueError with the function and field in it.
A block that cannot be right raises BrokenBlock.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

from ._codec_decode import Decoder, Flags, Values
from ._codec_encode import Encoder
from ._codec_samples import of_fields
from ._codec_types import (
    Array, Bool, Bytes, Case, Duration, Enum, Field, Float, Handle, Int, Map,
    Maybe, Pointer, Record, Text, Time, UnknownCase, hidden, show, visible,
    wrong)
from ._codec_variant import Variant

__all__ = [
    "Array", "Bool", "BrokenBlock", "Bytes", "Case", "Codec", "Duration",
    "Enum", "Field", "Float", "Handle", "Int", "Map", "Maybe", "Pointer",
    "Record", "Text", "Time", "UnknownCase", "hidden"]

Encode = Callable[..., bytes]
Decode = Callable[[bytes], Any]


class BrokenBlock(ValueError):
    """The library sent a block that cannot be right."""


def length(t: Any, value: Any) -> int:
    """What C's counter counts: bytes of text, elements of others."""
    if isinstance(t, Text):
        return len(value.encode("utf-8", "surrogateescape"))
    return memoryview(value).nbytes if isinstance(t, Bytes) else len(value)


class Codec:
    """Of one library."""

    def __init__(self, library: str, layout: Callable[[str], Any]) -> None:
        self.library = library
        self._layout = layout
        self._layouts: Dict[str, Any] = {}
        self._records: Dict[str, Tuple[Callable[..., Any],
                                       Tuple[Field, ...]]] = {}
        self._variants: Dict[str, Variant] = {}
        self._made: Dict[Tuple[str, str], Any] = {}
        self._values: Dict[Any, Values] = {}

    def record(self, name: str, make: Callable[..., Any],
               *fields: Field) -> None:
        """`fields` are in the order of make's parameters; hidden ones may
        stand anywhere."""
        self._records[name] = make, fields

    def variant(self, name: str, tag: Field, cases: Tuple[Case, ...],
                *lens: Field) -> None:
        self._variants[name] = Variant(self, name, tag, cases, lens)

    def encoder(self, layout: str, where: str, *fields: Field) -> Encode:
        """f(*values of the visible fields) → block."""
        names = [f.name for f in visible(fields)]
        full = "%s.%s" % (self.library, where)

        def failed(values: Tuple[Any, ...]) -> None:
            """Raises the reason, if it finds it."""
            try:
                self.check_fields(fields, dict(zip(names, values)),
                                  full + ": ")
            except (TypeError, ValueError) as e:
                raise e from None
            except RecursionError:
                raise ValueError("%s: nested too deeply" % full) from None

        encode: Encode = Encoder(self).block(
            self.layout(layout), fields, failed)
        return encode

    def decoder(self, layout: str, where: str,
                make: Optional[Callable[..., Any]], *fields: Field) -> Decode:
        """f(block) → make(*values), or the one value."""
        def broken(e: Exception) -> Exception:
            return BrokenBlock("%s.%s: %s" % (self.library, where, e))

        source = Decoder(self)
        values = source.values(self.layout(layout), fields, 0)
        decode: Decode = source.block(
            values[0] if make is None else "%s(%s)" % (
                source.shared(make), ", ".join(values)), broken)
        return decode

    # For tests.

    def samples(self, name: str) -> List[Any]:
        """Values of a record or variant, at the limits of its fields."""
        if not self.is_variant(name):
            make, fields = self._records[name]
            return [make(*each) for each in of_fields(fields, self)]
        of = self._variants[name]
        if of.plain:
            return [each[0] if each else None for case in of.cases
                    for each in of_fields(of.fields(case), self)]
        return [case.make(*each) for case in of.cases if case.make
                for each in of_fields(of.fields(case), self)]

    def copy(self, name: str, value: Any) -> Any:
        """A record or variant to a block and back."""
        self.check(name, value, name)
        b = bytearray(self.layout(name).size)
        self.putter(name)(b, 0, value)
        return self.getter(name)(bytes(b), 0)

    # What the writers of source ask.

    def layout(self, name: str) -> Any:
        if name not in self._layouts:
            self._layouts[name] = self._layout(name)
        return self._layouts[name]

    def is_variant(self, name: str) -> bool:
        return name in self._variants

    def fields(self, name: str) -> Tuple[Field, ...]:
        return self._records[name][1]

    def entry(self, name: str) -> Tuple[Field, Field]:
        """The key and the value of a map's record: as they stand in C. In
        Python those that have a default come last."""
        places: Dict[str, Tuple[int, int]] = self.layout(name).fields
        key, value = sorted(visible(self.fields(name)),
                            key=lambda f: places[f.c_name])
        return key, value

    def maker(self, name: str) -> Callable[..., Any]:
        return self._records[name][0]

    def names(self) -> Tuple[str, ...]:
        """Of the records and variants."""
        return tuple(self._records) + tuple(self._variants)

    def values_of(self, of: Any) -> Values:
        if of not in self._values:
            self._values[of] = (
                Flags if issubclass(of, enum.Flag) else Values)(of)
        return self._values[of]

    def _once(self, what: str, name: str, make: Callable[[], Any]) -> Any:
        if (what, name) not in self._made:
            self._made[what, name] = make()
        return self._made[what, name]

    def putter(self, name: str) -> Any:
        """f(b, at, value)"""
        if self.is_variant(name):
            return self._once("put", name, lambda: self._variant_putter(name))
        return self._once("put", name, lambda: self._putter(
            name, self.fields(name), "b, at, v", lambda f: "v.%s" % f.name))

    def entry_putter(self, name: str) -> Any:
        """f(b, at, key, value)"""
        fields = self.entry(name)
        of = {f.name: v for f, v in zip(fields, ("key", "value"))}
        return self._once("put entry", name, lambda: self._putter(
            name, fields, "b, at, key, value", lambda f: of[f.name]))

    def _putter(self, name: str, fields: Tuple[Field, ...], parameters: str,
                source: Callable[[Field], str]) -> Any:
        return Encoder(self).putter(
            self.layout(name), fields, parameters, source)

    def putters(self, name: str) -> Any:
        """A variant's: f(b, at, value) by the value's type."""
        return self._once("put by type", name, self._variants[name].putters)

    def array_putter(self, name: str) -> Any:
        """A variant's: f(b, values) → offset"""
        return self._once(
            "put all", name, self._variants[name].array_putter)

    def _variant_putter(self, name: str) -> Any:
        by_type = self.putters(name)

        def put(b: bytearray, at: int, value: Any) -> None:
            by_type[type(value)](b, at, value)

        return put

    def getter(self, name: str) -> Any:
        """f(d, at) → value"""
        if self.is_variant(name):
            return self._once("get", name, self._variants[name].getter)
        return self._once("get", name, lambda: self._getter(
            self.layout(name), self.fields(name), self.maker(name)))

    def entry_getter(self, name: str) -> Any:
        """f(d, at) → (key, value)"""
        return self._once("get entry", name, lambda: self._getter(
            self.layout(name), self.entry(name), None))

    def _getter(self, layout: Any, fields: Tuple[Field, ...],
                make: Optional[Callable[..., Any]]) -> Any:
        source = Decoder(self)
        values = ", ".join(source.values(layout, fields, 0))
        return source.getter("(%s)" % values if make is None else "%s(%s)" % (
            source.shared(make), values))

    def array_getter(self, name: str) -> Any:
        """A variant's: f(d, at, n) → list"""
        return self._once(
            "get all", name, self._variants[name].array_getter)

    def plain(self, name: str) -> Optional[struct.Struct]:
        """A record that is nothing but numbers in their order."""
        if self.is_variant(name):
            return None
        source = Decoder(self)
        layout = self.layout(name)
        source.values(layout, self.fields(name), 0)
        return source.plain_struct(layout.size)

    def check(self, name: str, value: Any, where: str) -> None:
        """Raises what is wrong with a record's or variant's value."""
        if self.is_variant(name):
            self._variants[name].check(value, where)
            return
        make, fields = self._records[name]
        values = {}
        for f in visible(fields):
            if not hasattr(value, str(f.name)):
                raise wrong(where, value, getattr(make, "__name__", name))
            values[f.name] = getattr(value, str(f.name))
        self.check_fields(fields, values, where + ".")

    def check_fields(self, fields: Tuple[Field, ...],
                      values: Dict[Optional[str], Any], where: str) -> None:
        lens: Dict[Optional[str], Any] = {
            f.c_name: f.type for f in fields if f.name is None}
        for f in visible(fields):
            value = values[f.name]
            f.type.check(value, "%s%s" % (where, f.name), self)
            t = f.type.of if isinstance(f.type, Maybe) else f.type
            number = lens.get(getattr(t, "len", None))
            if number is not None and value is not None:
                number.check(length(t, value), "%s%s: its length" % (
                    where, f.name), self)

"""Variants: one of several cases, by a tag.

A case is a class of its own, or, where the values' types tell all cases of a
variant apart, nothing but its field's value. Which one such a value is of
follows from its type: None, bool, int, float, str, bytes, list, dict,
datetime, timedelta, or a record's class.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from ._codec_decode import Decoder, layers, padded
from ._codec_encode import Encoder, number_code, struct_of
from ._codec_types import (
    Array, Bool, Bytes, Case, Duration, Enum, Field, Float, Int, Map, Maybe,
    Pointer, Record, Text, Time, UnknownCase, show)

KINDS = {Bool: "bool", Int: "int", Enum: "int", Float: "float", Text: "str",
         Bytes: "bytes", Array: "list", Map: "dict", Time: "datetime",
         Duration: "timedelta"}
# What a value of a type may be: the first of these that there is. More
# special types come first.
MAY_BE: Tuple[Tuple[Any, Tuple[str, ...]], ...] = (
    (type(None), ("None",)),
    (bool, ("bool", "int", "float")),
    (int, ("int", "float")),
    (float, ("float",)),
    (str, ("str",)),
    ((bytes, bytearray), ("bytes",)),
    (memoryview, ("bytes", "list")),
    (datetime.datetime, ("datetime",)),
    (datetime.timedelta, ("timedelta",)))
EXACT: Dict[Any, type] = {
    "None": type(None), "datetime": datetime.datetime,
    "timedelta": datetime.timedelta, **{of.__name__: of for of in (
        bool, int, float, str, bytes, list, dict)}}
CHAINED = 6   # cases that are asked for one after the other
INLINE = 3    # numbers of a case that are read before it is known
KEPT = 100    # types that are met only now and then


def kind_of(case: Case, codec: Any) -> Union[str, type]:
    """What a plain case's values are: a word of KINDS, or a class."""
    if case.field is None:
        return "None"
    t = case.field.type
    if isinstance(t, Pointer):
        t = t.of
    if isinstance(t, Record):
        made: type = codec.maker(t.name)
        return made
    if isinstance(t, (Time, Duration)) and t.unit == "ns":
        t = t.number
    return KINDS[type(t)]


def duck(cls: type) -> Tuple[str, ...]:
    """What values of another type may be, by what they can do."""
    def can(name: str) -> bool:
        # What its metaclass can do is not what its values can.
        return any(name in vars(base) for base in cls.__mro__)

    if can("items"):
        return ("dict",)
    if can("__len__") and can("__iter__"):
        return ("list",)
    if can("__index__"):
        return ("int", "float")
    return ("float",) if can("__float__") else ()


def has_buffer(value: Any) -> bool:
    """Also a number of numpy's has one, and is no bytes."""
    if not hasattr(value, "__len__") and (
            hasattr(value, "__index__") or hasattr(value, "__float__")):
        return False
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


class Putters(Dict[type, Callable[..., None]]):
    """From a plain case's types to what puts them: f(b, at, value)."""

    def __init__(self, of: Variant,
                 by_kind: Dict[Any, Callable[..., None]]) -> None:
        super().__init__()
        self.of = of
        self.by_kind = by_kind

    def __missing__(self, cls: type) -> Callable[..., None]:
        kind = self.of.kind(cls)
        if kind is None:
            return self.other
        found = self.by_kind[kind]
        if len(self) < KEPT:
            self[cls] = found
        return found

    def other(self, b: bytearray, at: int, value: Any) -> None:
        if "bytes" not in self.by_kind or not has_buffer(value):
            raise TypeError
        self.by_kind["bytes"](b, at, value)


class Variant:
    def __init__(self, codec: Any, name: str, tag: Field,
                 cases: Tuple[Case, ...], lens: Tuple[Field, ...]) -> None:
        self.codec = codec
        self.name = name
        self.tag = tag
        self.cases = cases
        self.lens = lens
        self.plain = all(case.make is None for case in cases)
        self.by_kind: Dict[Any, Case] = {}
        for case in cases:
            kind = kind_of(case, codec) if self.plain else case.make
            if kind in self.by_kind:
                raise ValueError("%s: two cases are %s" % (name, kind))
            self.by_kind[kind] = case

    def fields(self, case: Case) -> Tuple[Field, ...]:
        """Its own, and the length that counts it."""
        if case.field is None:
            return ()
        t = case.field.type
        while isinstance(t, (Maybe, Pointer)):
            t = t.of
        return (case.field,) + tuple(
            f for f in self.lens if f.c_name == getattr(t, "len", None))

    def kind(self, cls: type) -> Any:
        """Of a plain variant's values of a type, if it tells."""
        for kind in self.by_kind:
            if isinstance(kind, type) and issubclass(cls, kind):
                return kind
        for types, kinds in MAY_BE:
            if issubclass(cls, types):
                break
        else:
            kinds = duck(cls)
        return next((kind for kind in kinds if kind in self.by_kind), None)

    def case_of(self, value: Any) -> Optional[Case]:
        if not self.plain:
            return self.by_kind.get(type(value))
        kind = self.kind(type(value))
        if kind is None and has_buffer(value):
            kind = "bytes"
        return self.by_kind.get(kind)

    def check(self, value: Any, where: str) -> None:
        """Raises what is wrong with a value."""
        if isinstance(value, UnknownCase):
            self.tag.type.check(value.kind, "%s.kind" % where, self.codec)
            return
        case = self.case_of(value)
        if case is None:
            raise TypeError("%s: %s is none of %s" % (
                where, show(value), ", ".join(
                    getattr(kind, "__name__", kind)
                    for kind in self.by_kind)))
        if case.field is None:
            return
        name = case.field.name
        fields = self.fields(case)
        if self.plain:
            fields = (Field("", case.field.c_name, case.field.type),
                      *fields[1:])
            self.codec.check_fields(fields, {"": value}, where)
        else:
            self.codec.check_fields(fields, {
                name: getattr(value, str(name))}, where + ".")

    # Encoders.

    def putters(self) -> Dict[type, Callable[..., None]]:
        """f(b, at, value), by the value's type."""
        unknown = self._putter(Case(0, UnknownCase), "v.kind")
        made = {kind: self._putter(case, str(int(case.tag)))
                for kind, case in self.by_kind.items()}
        by_type = Putters(self, made) if self.plain else made
        by_type[UnknownCase] = unknown
        return by_type

    def _lines(self, made: Encoder, case: Case, tag: str) -> List[str]:
        layout = self.codec.layout(self.name)
        offset, _ = layout.fields[self.tag.c_name]
        return made.part(
            layout, self.fields(case),
            lambda f: "v" if case.make is None else "v.%s" % f.name,
            (offset, number_code(self.tag.type), tag))

    def _putter(self, case: Case, tag: str) -> Callable[..., None]:
        made = Encoder(self.codec)
        put: Callable[..., None] = made.compile(
            "b, at, v", self._lines(made, case, tag))
        return put

    def array_putter(self) -> Any:
        """f(b, values) → where they stand. One loop for the first cases;
        others, and types that are none exactly, have functions."""
        made, layout = Encoder(self.codec), self.codec.layout(self.name)
        lines = ["    at = start = place(b, counted(values) * %d, %d)" % (
            layout.size, layout.align), "    for v in values:",
            "        t = type(v)"]
        word = "if"
        for kind, case in list(self.by_kind.items())[:CHAINED]:
            lines.append("        %s t is %s:" % (
                word, made.shared(EXACT.get(kind, kind))))
            lines += ["        " + line for line in self._lines(
                made, case, str(int(case.tag)))]
            word = "elif"
        return made.compile("b, values", lines + [
            "        else:", "            %s[t](b, at, v)" % made.shared(
                self.codec.putters(self.name)),
            "        at += %d" % layout.size, "    return start"])

    # Decoders. Each number of each case has a variable, which is read before
    # the case is known: those of other cases are not looked at. What takes
    # more than a few, or text in place, has a function of its own.

    def _source(self) -> Tuple[Decoder, str]:
        """With the expression that makes the value."""
        source = Decoder(self.codec)
        offset, _ = self.codec.layout(self.name).fields[self.tag.c_name]
        tag = source.slot(offset, number_code(self.tag.type))
        cases = {int(case.tag): self._value(source, case)
                 for case in self.cases}
        return source, choice(tag, sorted(cases.items()), "%s(%s)" % (
            source.shared(UnknownCase), tag))

    def _value(self, source: Decoder, case: Case) -> str:
        layout, fields = self.codec.layout(self.name), self.fields(case)
        tried = Decoder(self.codec)
        values = tried.values(layout, fields, 0)
        if len(tried.slots) <= INLINE and not any(
                code.endswith("s") for _, code, _ in tried.slots):
            return made(source, case, source.values(layout, fields, 0))
        return "%s(d, at)" % source.shared(
            tried.getter(made(tried, case, values)))

    def getter(self) -> Any:
        """f(d, at) → value"""
        source, value = self._source()
        return source.getter(value)

    def array_getter(self) -> Any:
        """f(d, at, n) → [value, …]"""
        source, value = self._source()
        size = self.codec.layout(self.name).size
        targets: List[str] = []
        columns: List[str] = []
        for layer in layers(source.slots):
            fmt, names = struct_of(layer)
            targets.append("(%s,)" % ", ".join(names))
            columns.append("%s(data)" % source.shared(
                padded(fmt, size).iter_unpack))
        if re.search(r"\bat\b", value):
            targets.append("at")
            columns.append("range(at, at + n * %d, %d)" % (size, size))
        return source.compile("d, at, n", [
            "    data = cut(d, at, n * %d)" % size,
            "    return [%s for %s in %s]" % (
                value, ", ".join(targets), columns[0] if len(columns) == 1
                else "zip(%s)" % ", ".join(columns))])


def made(source: Decoder, case: Case, values: List[str]) -> str:
    if case.make is not None:
        return "%s(%s)" % (source.shared(case.make), ", ".join(values))
    return "(%s)" % values[0] if values else "None"


def choice(tag: str, cases: List[Tuple[int, str]], unknown: str) -> str:
    """Of sorted cases, by halves."""
    if len(cases) > 3:
        half = len(cases) // 2
        return "(%s if %s < %d else %s)" % (
            choice(tag, cases[:half], unknown), tag, cases[half][0],
            choice(tag, cases[half:], unknown))
    return "(%s%s)" % ("".join(
        "%s if %s == %d else " % (value, tag, n) for n, value in cases),
        unknown)

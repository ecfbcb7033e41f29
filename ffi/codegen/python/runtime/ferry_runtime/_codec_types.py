"""What a field may be: descriptors, and what is wrong with a value of one.

A descriptor's check(value, where, codec) raises a TypeError or ValueError that
names the field. It is slow, and called after an encoder has failed only.
"""

from __future__ import annotations

import datetime
import math
import operator
from dataclasses import dataclass
from typing import Any, Optional, Tuple, Type, Union

INTS = {(8, True): "b", (8, False): "B", (16, True): "h", (16, False): "H",
        (32, True): "i", (32, False): "I", (64, True): "q", (64, False): "Q"}
FLOATS = {32: "f", 64: "d"}
FLOAT_END = 3.4028235678e38   # rounds to infinity in 32 bits
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
# A unit's microseconds; nanoseconds are finer than datetime and stay int.
UNITS = {"s": 1000000, "ms": 1000, "us": 1}


def show(value: Any) -> str:
    """A value for a message, of bounded length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def wrong(where: str, value: Any, wanted: str) -> TypeError:
    return TypeError("%s: %s is no %s" % (where, show(value), wanted))


def check_int(value: Any, where: str, bits: int, signed: bool) -> None:
    try:
        n = operator.index(value)
    except TypeError:
        raise wrong(where, value, "int") from None
    low, high = (-1 << (bits - 1), (1 << (bits - 1)) - 1) if signed else (
        0, (1 << bits) - 1)
    if not low <= n <= high:
        raise ValueError("%s: %s is not in %d … %d" % (
            where, show(value), low, high))


def check_float(value: Any, where: str, bits: int) -> None:
    try:
        n = float(value) if not isinstance(value, (str, bytes)) else None
    except OverflowError:
        n = math.inf
    except (TypeError, ValueError):
        n = None
    if n is None:
        raise wrong(where, value, "float")
    too_much = n != value and math.isinf(n)
    if bits == 32 and math.isfinite(n):
        too_much = abs(n) >= FLOAT_END
    if too_much:
        raise ValueError("%s: %s does not fit into %d bits" % (
            where, show(value), bits))


def check_sized(value: Any, where: str, wanted: str) -> None:
    """Of what is an array: it has a length and can be gone through."""
    if isinstance(value, (str, bytes, bytearray)) or not (
            hasattr(value, "__len__") and hasattr(value, "__iter__")):
        raise wrong(where, value, wanted)


@dataclass(frozen=True)
class Int:
    bits: int
    signed: bool = True

    def check(self, value: Any, where: str, codec: Any) -> None:
        check_int(value, where, self.bits, self.signed)


@dataclass(frozen=True)
class Float:
    bits: int = 64

    def check(self, value: Any, where: str, codec: Any) -> None:
        check_float(value, where, self.bits)


@dataclass(frozen=True)
class Bool:
    def check(self, value: Any, where: str, codec: Any) -> None:
        if not isinstance(value, bool):
            raise wrong(where, value, "bool")


@dataclass(frozen=True)
class Enum:
    """An IntEnum or IntFlag; what it does not list stays int."""
    of: Any
    bits: int = 32
    signed: bool = True

    def check(self, value: Any, where: str, codec: Any) -> None:
        check_int(value, where, self.bits, self.signed)


@dataclass(frozen=True)
class Text:
    """UTF-8. Without `len` it ends at a zero byte; with `count` it is so many
    bytes in place, the zero byte included."""
    nullable: bool = False
    len: Optional[str] = None
    count: int = 0

    def check(self, value: Any, where: str, codec: Any) -> None:
        if value is None and self.nullable:
            return
        if not isinstance(value, str):
            raise wrong(where, value, "str")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as e:
            raise ValueError("%s: %s has a lone surrogate at %d" % (
                where, show(value), e.start)) from None
        if self.len is None and b"\0" in data:
            raise ValueError("%s: %s has a zero byte in it" % (
                where, show(value)))
        if self.count and len(data) >= self.count:
            raise ValueError("%s: %d bytes of text, where %d fit" % (
                where, len(data), self.count - 1))


@dataclass(frozen=True)
class Bytes:
    nullable: bool = False
    len: Optional[str] = None
    count: int = 0

    def check(self, value: Any, where: str, codec: Any) -> None:
        if value is None and self.nullable:
            return
        try:
            size = memoryview(value).nbytes
        except TypeError:
            raise wrong(where, value, "bytes") from None
        if self.count and size != self.count:
            raise ValueError("%s: %d bytes, where it takes %d" % (
                where, size, self.count))


@dataclass(frozen=True)
class Record:
    """A record or variant in place, by the model's name."""
    name: str

    def check(self, value: Any, where: str, codec: Any) -> None:
        codec.check(self.name, value, where)


@dataclass(frozen=True)
class Pointer:
    """A pointer to one that is always there."""
    of: Record

    def check(self, value: Any, where: str, codec: Any) -> None:
        self.of.check(value, where, codec)


@dataclass(frozen=True)
class Maybe:
    """An optional value: behind a pointer, or switched on by a bool."""
    of: Any
    has: Optional[str] = None

    def check(self, value: Any, where: str, codec: Any) -> None:
        if value is not None:
            self.of.check(value, where, codec)


@dataclass(frozen=True)
class Array:
    of: Any
    nullable: bool = False
    len: Optional[str] = None
    count: int = 0

    def check(self, value: Any, where: str, codec: Any) -> None:
        if value is None and self.nullable:
            return
        check_sized(value, where, "sequence")
        if self.count and len(value) != self.count:
            raise ValueError("%s: %d elements, where it takes %d" % (
                where, len(value), self.count))
        for i, element in enumerate(value):
            self.of.check(element, "%s[%d]" % (where, i), codec)


@dataclass(frozen=True)
class Map:
    """A dict: an array of the record `name`, which has two fields."""
    name: str
    nullable: bool = False
    len: Optional[str] = None

    def check(self, value: Any, where: str, codec: Any) -> None:
        if value is None and self.nullable:
            return
        if not hasattr(value, "items"):
            raise wrong(where, value, "mapping")
        of_key, of_value = codec.entry(self.name)
        for key, element in value.items():
            of_key.type.check(key, "%s: key" % where, codec)
            of_value.type.check(
                element, "%s[%s]" % (where, show(key)), codec)


@dataclass(frozen=True)
class Handle:
    """An object of the library: its class going in, a token coming out."""
    of: Any = None

    def check(self, value: Any, where: str, codec: Any) -> None:
        if self.of is not None and not isinstance(value, self.of):
            raise wrong(where, value, self.of.__name__)
        check_int(getattr(value, "token", None), where, 64, False)


@dataclass(frozen=True)
class Time:
    """datetime, UTC coming out; nanoseconds are int."""
    unit: str
    number: Union[Int, Float]

    def check(self, value: Any, where: str, codec: Any) -> None:
        if self.unit == "ns":
            self.number.check(value, where, codec)
            return
        if not isinstance(value, datetime.datetime):
            raise wrong(where, value, "datetime")
        if value.utcoffset() is None:
            raise ValueError("%s: %s has no time zone" % (where, show(value)))
        if isinstance(self.number, Int):
            n = (value - EPOCH) // MICROSECOND // UNITS[self.unit]
            self.number.check(n, where, codec)


@dataclass(frozen=True)
class Duration:
    """timedelta; nanoseconds are int."""
    unit: str
    number: Union[Int, Float]

    def check(self, value: Any, where: str, codec: Any) -> None:
        if self.unit == "ns":
            self.number.check(value, where, codec)
            return
        if not isinstance(value, datetime.timedelta):
            raise wrong(where, value, "timedelta")
        if isinstance(self.number, Int):
            n = -(-(value // MICROSECOND) // UNITS[self.unit])
            self.number.check(n, where, codec)


@dataclass(frozen=True)
class Field:
    """`name` is the attribute or argument, `c_name` its place in the layout.

    A hidden one has no name: it counts another, or switches it on.
    """
    name: Optional[str]
    c_name: str
    type: Any


@dataclass(frozen=True)
class Case:
    """One of a variant's: its class holds the field's value, if it has one.

    Where no case has a class, the value itself is what stands for it, and
    None for that without a field.
    """
    tag: int
    make: Optional[Type[Any]]
    field: Optional[Field] = None


@dataclass
class UnknownCase:
    """A variant whose tag is none of those that the library's header lists."""
    kind: int


def hidden(c_name: str, number: Any) -> Field:
    return Field(None, c_name, number)


def visible(fields: Tuple[Field, ...]) -> Tuple[Field, ...]:
    return tuple(f for f in fields if f.name is not None)

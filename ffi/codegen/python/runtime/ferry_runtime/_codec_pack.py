"""What encoders call: values that are more than a number become bytes.

They are made for good values, too: what they raise is not meant for people.
"""

from __future__ import annotations

import array
import datetime
import struct
from typing import Any, Callable, Dict

from ._codec_types import EPOCH, MICROSECOND


def packed(code: str, values: Any) -> bytes:
    """An array of numbers."""
    if isinstance(values, (str, bytes, bytearray)) or not hasattr(
            values, "__len__"):
        raise TypeError
    if code == "f":   # array makes infinity of what is too large
        return struct.pack("=%df" % len(values), *values)
    return array.array(code, values).tobytes()


def packed_bools(code: str, values: Any) -> bytes:
    if any(v is not True and v is not False for v in values):
        raise TypeError
    return bytes(values)


def text(value: Any) -> bytes:
    """With its zero byte."""
    data: bytes = value.encode("utf-8", "surrogateescape")
    if 0 in data:
        raise ValueError
    return data + b"\0"


def fixed_text(value: Any, count: int) -> bytes:
    data = text(value)
    if len(data) > count:
        raise ValueError
    return data


def fixed_bytes(value: Any, count: int) -> bytes:
    data = bytes(memoryview(value))
    if len(data) != count:
        raise ValueError
    return data


def place(b: bytearray, size: int, align: int) -> int:
    """Makes room at the end: its offset."""
    at = -(-len(b) // align) * align
    b += bytes(at + size - len(b))
    return at


def append(b: bytearray, data: bytes, align: int) -> int:
    rest = -len(b) % align
    if rest:
        b += bytes(rest)
    at = len(b)
    b += data
    return at


def texts(b: bytearray, at: int, values: Any, code: str) -> None:
    """The pointers, at `at`, and the texts of an array of texts."""
    offsets = []
    for value in values:
        offsets.append(len(b))
        b += text(value)
    struct.pack_into("=%d%s" % (len(offsets), code), b, at, *offsets)


def counted(values: Any, count: int = 0) -> int:
    """Of an array whose elements are no numbers."""
    if isinstance(values, (str, bytes, bytearray)):
        raise TypeError
    n = len(values)
    if count and n != count:
        raise ValueError
    return n


def records(b: bytearray, values: Any, put: Callable[..., None], size: int,
            align: int) -> int:
    at = start = place(b, counted(values) * size, align)
    for value in values:
        put(b, at, value)
        at += size
    return start


def fixed_records(b: bytearray, at: int, values: Any, put: Callable[..., None],
                  size: int, count: int) -> None:
    counted(values, count)
    for value in values:
        put(b, at, value)
        at += size


def entries(b: bytearray, values: Any, put: Callable[..., None], size: int,
            align: int) -> int:
    """A map's."""
    at = start = place(b, len(values) * size, align)
    for key, value in values.items():
        put(b, at, key, value)
        at += size
    return start


def time_int(value: Any, unit: int) -> int:
    if value.utcoffset() is None:
        raise ValueError
    return int((value - EPOCH) // MICROSECOND // unit)


def time_float(value: Any, unit: int) -> float:
    if value.utcoffset() is None:
        raise ValueError
    return float((value - EPOCH) / MICROSECOND / unit)


def duration_int(value: datetime.timedelta, unit: int) -> int:
    # Up: who waits for a bit does not mean no time at all.
    return -(-(value // MICROSECOND) // unit)


def duration_float(value: datetime.timedelta, unit: int) -> float:
    return value / MICROSECOND / unit


HELPERS: Dict[str, Any] = {
    f.__name__: f for f in (
        packed, packed_bools, text, fixed_text, fixed_bytes, place, append,
        texts, counted, records, fixed_records, entries, time_int, time_float,
        duration_int, duration_float)}
HELPERS["BOOL"] = {True: True, False: False}

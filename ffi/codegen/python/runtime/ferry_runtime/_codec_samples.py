"""Values of every type at its limits, to try a package's codec with."""

from __future__ import annotations

import datetime
from typing import Any, List, Tuple

from ._codec_types import (
    EPOCH, UNITS, Array, Bool, Bytes, Duration, Enum, Field, Float, Handle,
    Int, Map, Maybe, Pointer, Record, Text, Time, visible)

LAST = datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.utc)


def of_int(t: Int) -> List[Any]:
    if t.signed:
        return [-1 << (t.bits - 1), (1 << (t.bits - 1)) - 1, 0]
    return [0, (1 << t.bits) - 1, 1]


def of_enum(t: Enum) -> List[Any]:
    return list(t.of.__members__.values()) + of_int(
        Int(t.bits, t.signed))[:2]


def of_clock(t: Any) -> List[Any]:
    if t.unit == "ns":
        return samples(t.number, None)
    most = 1000
    if isinstance(t.number, Int):
        most = min(of_int(t.number)[1], 200 * 10 ** 12 // UNITS[t.unit])
    delta = datetime.timedelta(microseconds=most * UNITS[t.unit])
    if isinstance(t, Time):
        return [EPOCH, EPOCH + delta]
    return [delta, datetime.timedelta(0)]


def of_text(t: Text) -> List[Any]:
    if t.count:
        return ["", "x" * (t.count - 1)]
    return ["é\U0001f43b", "", "x\0y" if t.len else "x"]


def of_array(t: Array, codec: Any) -> List[Any]:
    each = samples(t.of, codec)
    if t.count:
        return [[each[(i + k) % len(each)] for i in range(t.count)]
                for k in range(2)]
    return [each, [], each[:1]]


def of_map(t: Map, codec: Any) -> List[Any]:
    key, value = (samples(f.type, codec) for f in codec.entry(t.name))
    return [{k: value[i % len(value)] for i, k in enumerate(key)}, {}]


def samples(t: Any, codec: Any) -> List[Any]:
    if isinstance(t, Record):
        found: List[Any] = codec.samples(t.name)
    elif isinstance(t, (Maybe, Pointer)):
        found = samples(t.of, codec)
    elif isinstance(t, Int):
        found = of_int(t)
    elif isinstance(t, Float):
        found = [0.0, -1.5, float("inf")]
    elif isinstance(t, Bool):
        found = [True, False]
    elif isinstance(t, Enum):
        found = of_enum(t)
    elif isinstance(t, Text):
        found = of_text(t)
    elif isinstance(t, Bytes):
        found = [bytes(range(t.count))] if t.count else [
            b"\0\xff", b"", b"x"]
    elif isinstance(t, (Time, Duration)):
        found = of_clock(t)
    elif isinstance(t, Array):
        found = of_array(t, codec)
    elif isinstance(t, Map):
        found = of_map(t, codec)
    else:
        assert isinstance(t, Handle)
        found = []
    if isinstance(t, Maybe) or getattr(t, "nullable", False):
        found = found + [None]
    return found


def of_fields(fields: Tuple[Field, ...], codec: Any) -> List[List[Any]]:
    """Lists of values of all visible fields, until each of a field's samples
    has been there."""
    each = [samples(f.type, codec) for f in visible(fields)]
    if not all(each):
        return []     # an object is not made out of nothing
    most = max(map(len, each), default=1)
    return [[of[i % len(of)] for of in each] for i in range(most)]

"""What callers may get wrong, and C would not see: it has numbers of 64 bits,
and takes the lowest of what is longer."""

from __future__ import annotations

import numbers
import operator
from typing import Any, Optional

# Seconds. Longer is for ever: some 146 years.
_LONGEST = 2.0 ** 62 / 1e9


def seconds(timeout: Optional[float], name: str = "timeout"
            ) -> Optional[float]:
    """A timeout as it is meant: None is for ever, the least is 0."""
    if timeout is None:
        return None
    # The first of them is quicker.
    if not isinstance(timeout, (int, float)) and not isinstance(
            timeout, numbers.Real):
        raise TypeError("%s: %r is no number of seconds" % (name, timeout))
    if timeout != timeout:
        raise ValueError("%s: %r is no number of seconds" % (name, timeout))
    return None if timeout > _LONGEST else max(0.0, float(timeout))


def whole(value: Any, name: str, bits: int) -> int:
    """A number that C has as an unsigned one."""
    try:
        n = operator.index(value)
    except TypeError:
        raise TypeError("%s: %r is no int" % (name, value)) from None
    if not 0 <= n < 1 << bits:
        raise ValueError("%s: %d is not in 0 … %d" % (name, n, (1 << bits) - 1))
    return n


def lane(value: Any) -> int:
    return whole(value, "lane", 64)


def capacity(value: Any) -> int:
    """Of a ring, or 0 for what is usual."""
    n = whole(value, "capacity", 32)
    if n & n - 1:
        raise ValueError("capacity: %d is no power of two" % n)
    return n


class Unique:
    """What cannot be copied, or be in another process."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        raise TypeError("%s cannot be copied or pickled: it stands for what "
                        "this process has open" % type(self).__qualname__)

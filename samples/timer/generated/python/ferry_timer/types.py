"""What timer's values are in Python."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import NamedTuple


class ErrorCode(enum.IntEnum):
    """How a call ended."""

    OK = 0
    #: No memory, or no thread.
    NO_RESOURCES = 1
    #: More jitter than there is period.
    JITTER = 2
    #: It ended before its time.
    INTERRUPTED = 3


@dataclasses.dataclass
class Rhythm:
    """When a schedule ticks."""

    ticks: int
    period: datetime.timedelta
    #: Every tick is up to this late, at random: schedules that began
    #: together do not tick together. At most the period.
    jitter: datetime.timedelta = datetime.timedelta(milliseconds=0)


class OnTick(NamedTuple):
    """A schedule's. @param number From 1."""

    number: int

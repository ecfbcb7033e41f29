"""Completions in hand, taken from an inbox and not yet given back.

Python runs signal handlers between any two calls of the main thread, and what
one raises, Ctrl-C's say, may come when completions have been taken and nobody
has been told how many. So the array itself says it: it is zeros before they are
taken, and no completion is of kind 0.
"""

from __future__ import annotations

import ctypes

from ._c import Completion, lib

_SIZE = ctypes.sizeof(Completion)


class Batch:
    """For one thread at a time."""

    def __init__(self, most: int) -> None:
        self.items = (Completion * most)()
        self._most = most
        self._address = ctypes.addressof(self.items)
        #: So many of them have been heard, and are no longer in hand.
        self.spent = 0

    def take(self, token: int) -> int:
        """How many are in hand now, or an error. What was in hand when an
        exception came is so again."""
        if self.spent:
            ctypes.memset(self._address, 0, self.spent * _SIZE)
            self.spent = 0
        if not self.items[0].kind:
            return lib.inbox_take(self._address, self._most, token)
        n = 1
        while n < self._most and self.items[n].kind:
            n += 1
        return n

    def give_back(self) -> None:
        """Those that are spent. Where an exception comes before it, their
        blocks stay behind: to give back once too often would be worse."""
        lib.inbox_release(self._address, self.spent)

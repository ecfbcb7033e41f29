"""What is done for an object that nobody has any more.

weakref.finalize() does as much. But what that has registered is looked through
at exit, and a thread that makes or ends an object meanwhile, a daemon's say,
breaks this off with a message that is no user's business. What is left at exit
is the contexts' affair, and nothing is called for it.
"""

from __future__ import annotations

import weakref
from typing import Any, Callable, Dict, Optional

# Those that are to be called yet: one that nobody had would call nobody. Every
# step is one of the interpreter's, so that any thread may take it at any moment.
_alive: Dict[int, Finalizer] = {}


class Finalizer:
    """Calls a function once: by hand, or when an object has been collected."""

    __slots__ = ("_object", "_function", "_arguments")

    def __init__(self, of: object, function: Callable[..., object],
                 *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments
        _alive[id(self)] = self
        self._object: Optional[weakref.ref[object]] = weakref.ref(
            of, self._collected)

    @property
    def alive(self) -> bool:
        """Whether it is to be called yet."""
        return id(self) in _alive

    def detach(self) -> bool:
        """It never will be called; False if it has been."""
        if _alive.pop(id(self), None) is None:
            return False
        self._object = None
        return True

    def __call__(self) -> None:
        if self.detach():
            self._function(*self._arguments)

    def _collected(self, _: object) -> None:
        self()


def at_exit() -> None:
    """Nothing is called from now on."""
    _alive.clear()

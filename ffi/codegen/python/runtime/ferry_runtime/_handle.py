"""Objects of a library that belong to a context."""

from __future__ import annotations

from typing import Any

from . import _given
from ._c import generation, lib
from ._final import Finalizer


def _release(token: int, made: int) -> None:
    # From any thread at any moment: it never blocks, and takes no lock.
    if made == generation():
        lib.handle_release(token)


class Handle(_given.Unique):
    """An object of a library; released when nobody has it any more.

    Whoever uses the token keeps the object until the call has returned.
    """

    def __init__(self, token: int, context: Any) -> None:
        self._token = token
        self._context = context
        # At exit the context's close does it, or nobody has to.
        self._finalizer = Finalizer(
            self, _release, token, generation())

    @property
    def token(self) -> int:
        """What Ferry calls it."""
        return self._token

    @property
    def context(self) -> Any:
        """Whose it is."""
        return self._context

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return not self._finalizer.alive

    def __repr__(self) -> str:
        return "<%s.%s, %s>" % (
            type(self).__module__, type(self).__qualname__,
            "closed" if self.closed else "open")

    def release(self) -> None:
        """Gives it up, as the collector would: it is destroyed soon, on its
        library's thread."""
        self._finalizer()

    def take(self) -> int:
        """For who will end it by a call: the token, or 0 if somebody has
        closed it before. From now on nobody else will."""
        return self._token if self._finalizer.detach() else 0

"""Contexts: a root object of a library, opened."""

from __future__ import annotations

import asyncio
import enum
import threading
import time
import warnings
from ctypes import byref
from types import TracebackType
from typing import (TYPE_CHECKING, Any, Callable, Dict, Mapping, NamedTuple,
                    Optional, Type, TypeVar, overload)

from . import _final, _given, _inbox, _thread
from ._c import (CLOSE_ABANDON, CLOSE_CANCEL, CLOSE_DRAIN, EALREADY, EBUSY,
                 EFORKED, ESTALE, ECLOSED, CloseOptions, CloseReport, Counters,
                 generation, lib)
from ._errors import Errors, check, checked, error_of
from ._final import Finalizer
from ._health import Health, health, metrics
from ._inbox import Port, Request
from ._stream import Notice, Stream

if TYPE_CHECKING:
    from ._package import Package

T = TypeVar("T")
Self = TypeVar("Self", bound="Base")


class CloseMode(enum.IntEnum):
    """What becomes of the calls that a context still has when it is closed."""

    DRAIN = CLOSE_DRAIN      #: they run
    CANCEL = CLOSE_CANCEL    #: they are cancelled
    ABANDON = CLOSE_ABANDON  #: they are left behind


class Unfinished(NamedTuple):
    """What a context's close has left behind; closing again waits for it."""

    running: int            #: calls that have not ended
    abandoned: int          #: calls that were answered in their place
    method: Optional[str]   #: of the one that holds the library's thread
    seconds: float          #: for how long


class Base(_given.Unique):
    """What blocking contexts and those for loops have in common."""

    def __init__(self, package: Package, token: int) -> None:
        self.package = package
        self.token = token
        self._generation = generation()
        self._closed = False
        self._closing = threading.Lock()
        self._finalizer = Finalizer(
            self, _drop, token, self._generation)
        _open[token] = None

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def counters(self) -> Dict[str, int]:
        """What the context has counted since it was opened."""
        out = Counters()
        checked(lib.context_counters(byref(out), self.token))
        return {name: getattr(out, name) for name, _ in out._fields_[1:]}

    def health(self) -> Health:
        """What its threads do just now; waits for none of them."""
        return health(self.token)

    def metrics(self, *, json: bool = False) -> str:
        """All counters, those of strands too, and of each method how long its
        calls waited and ran, in Prometheus' text format; or as JSON."""
        return metrics(self.token, json)

    def _close(self, mode: int, timeout: Optional[float]
               ) -> Optional[Unfinished]:
        """Blocks. Of two at a time the second waits for the first."""
        if self._generation != generation():
            self._closed = True
            return None     # it is the parent's
        mode = CloseMode(mode)
        timeout = _given.seconds(timeout)
        with self._closing:
            options = CloseOptions(mode=mode, timeout_ms=(
                0 if timeout is None else max(1, int(timeout * 1000))))
            report = CloseReport()
            r = lib.context_close(self.token, byref(options), byref(report))
            if r == EBUSY:
                return Unfinished(
                    report.running, report.abandoned,
                    report.method.decode() if report.method else None,
                    report.age_ns / 1e9)
            if r not in (ESTALE, EFORKED):
                check(r)
            self._closed = True
            self._finalizer.detach()
            _open.pop(self.token, None)
        _inbox.sweep()
        return None

    def __repr__(self) -> str:
        return "<%s of %s, %s>" % (type(self).__name__, self.package.name,
                                   "closed" if self._closed else "open")

    def __del__(self) -> None:
        if (not getattr(self, "_closed", True)
                and self._generation == generation()):
            warnings.warn("%r was not closed" % self, ResourceWarning,
                          source=self)


# The tokens of what has not been closed.
_open: Dict[int, None] = {}


def _drop(token: int, made: int) -> None:
    """A finalizer's: nobody has closed the context."""
    if made == generation():
        _thread.reaper.put(lambda: _close_now(token, 0))


def _close_now(token: int, timeout_ms: int) -> int:
    r: int = lib.context_close(token, byref(CloseOptions(
        mode=CLOSE_CANCEL, timeout_ms=timeout_ms)), None)
    _open.pop(token, None)
    return r


def at_exit(seconds: float) -> None:
    """Closes what nobody has closed, as far as there is time: a library ends
    as it wants to, and no call is still using what is taken down next."""
    end = time.monotonic() + seconds

    def left() -> int:
        return max(0, int((end - time.monotonic()) * 1000))

    _inbox.at_exit()
    closing = [token for token in list(_open)
               if left() and _close_now(token, left() or 1) == EALREADY]
    lib.quiesce(left())
    # Another thread, which is a daemon, closes them.
    while closing and left():
        time.sleep(0.001)
        closing = [token for token in closing
                   if _close_now(token, left() or 1) == EALREADY]
    _final.at_exit()


def forked() -> None:
    """In a child: nothing of the parent's is open."""
    _open.clear()


class Context(Base):
    """A context that is used on asyncio loops: on one, or on several in as
    many threads."""

    def __init__(self, package: Package, token: int) -> None:
        super().__init__(package, token)
        self._ports: Dict[asyncio.AbstractEventLoop, Port] = {}
        self._errors = package.errors

    @overload
    def request(self, function: int, block: bytes,
                decode: Callable[[bytes], T], *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> Request[T]: ...

    @overload
    def request(self, function: int, block: bytes = b"",
                decode: None = None, *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> Request[bytes]: ...

    def request(self, function: int, block: bytes = b"",
                decode: Optional[Callable[[bytes], Any]] = None, *,
                timeout: Optional[float] = None, lane: int = 0,
                errors: Optional[Errors] = None) -> Request[Any]:
        """Submits a call, which is on its way when this returns.

        The future's result is what `decode` makes of the results' block (which
        is empty where there are none). After `timeout` seconds the call is
        cancelled, and TimedOutError raised, which is a TimeoutError. Calls of
        one `lane` start in their order; 0 is the calling thread. Where a queue
        is full the call waits here for room, in order.
        """
        try:
            port = self._ports[asyncio.get_running_loop()]
        except KeyError:
            port = self._port()
        return port.submit(function, block, decode, errors or self._errors,
                           timeout, lane)

    def _port(self) -> Port:
        """The first use on a loop."""
        if self._generation != generation():
            raise error_of(EFORKED)
        if self._closed:
            raise error_of(ECLOSED)
        loop = asyncio.get_running_loop()
        port = _inbox.of(loop).port(self.token)
        for other in [o for o in list(self._ports) if o.is_closed()]:
            self._ports.pop(other, None)
        self._ports[loop] = port
        return port

    def events(self, decode: Mapping[int, Callable[[bytes], T]], *,
               capacity: int = 0) -> Stream[T]:
        """The events of these ids from now on, as their functions make them.
        `capacity` (a power of two) is how many may wait to be taken."""
        return Stream(self.token, decode, capacity)

    def notices(self) -> Stream[Notice]:
        """What the watchdog says from now on."""
        return Stream(self.token, None, 0)

    async def close(self, mode: int = CLOSE_DRAIN,
                    timeout: Optional[float] = None) -> Optional[Unfinished]:
        """Closes the context: see CloseMode. After `timeout` seconds what has
        not ended is left behind, and told of; closing again waits for it."""
        return await _thread.run(lambda: self._close(mode, timeout))

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]],
                        error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        if not self._closed:
            await self.close(CLOSE_DRAIN if kind is None else CLOSE_CANCEL)

"""Calls that threads start now and wait for later.

All of a process are answered through one inbox, which one thread takes from:
it is started with the first such call, and waits without the interpreter's
lock. What is done when a call has ended (callbacks, for one) happens there.

There is no lock here. What a signal handler raises may leave one taken for ever
(a `with` is not one step everywhere), and all calls would wait for it. Each
structure has one that writes, or is changed in one step of the interpreter's.
"""

from __future__ import annotations

import _thread
import collections
import concurrent.futures
import ctypes
import heapq
import itertools
import math
import sys
import threading
import time
from ctypes import byref, c_uint64
from typing import (TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional,
                    Tuple, TypeVar)

from . import _given
from ._c import (EALREADY, ECANCELED, EDEADLINE, EFORKED, EINTR, ETIMEDOUT,
                 KIND_REPLY, AttachOptions, Completion, RequestOptions, copy,
                 generation, lib)
from ._errors import Errors, check, error_of, refusal, text_of, timed_out

if TYPE_CHECKING:
    from ._blocking import BlockingContext

T = TypeVar("T")

_BATCH = 64
# Seconds; what others do with a future locked takes none.
_PATIENCE = 1.0
# So many timers of calls that have ended may stay.
_SPARE = 256


class _Condition(threading.Condition):
    """What `with` calls is the lock's own. Between those and threading's, which
    are Python, a signal handler may raise; the lock would stay taken for ever,
    and the thread that completes all calls wait for it."""

    @property
    def __enter__(self) -> Any:
        return self._lock.__enter__  # type: ignore[attr-defined]

    @property
    def __exit__(self) -> Any:
        return self._lock.__exit__  # type: ignore[attr-defined]


class Future(_given.Unique, concurrent.futures.Future[T]):
    """A call on its way: what executors return, but that cancel() reaches a
    call that runs. Any thread may wait for it, or cancel it. After a fork it
    has failed in the child, whose callbacks are not called: they are the
    parent's."""

    def __init__(self, decode: Optional[Callable[[bytes], T]],
                 errors: Errors) -> None:
        super().__init__()
        self._condition = _Condition()
        self._token = c_uint64()
        self._made = generation()
        self._decode = decode
        self._errors = errors
        self._end: Optional[float] = None
        self._untold = [True]   # who has it tells of the cancel

    def cancel(self) -> bool:
        """Cancels the call, unless it is done; waits for nothing."""
        if not super().cancel():
            return False
        self._withdraw()
        try:
            self._untold.pop()
        except IndexError:
            return True
        # Who waits by wait() or as_completed() hears of it by this.
        self.set_running_or_notify_cancel()
        return True

    def _withdraw(self) -> None:
        """Nobody waits any more. The reply still comes."""
        if self._token.value and self._made == generation():
            # Whatever it says: a reply comes, or has come already.
            lib.request_cancel(self._token)

    def _raise(self, error: BaseException) -> bool:
        """False if somebody has cancelled it before."""
        try:
            self.set_exception(error)
        except concurrent.futures.InvalidStateError:
            return False
        return True

    def _expire(self) -> None:
        """Its time has passed."""
        if self._raise(timed_out()):
            self._withdraw()

    def _settle(self, status: int, data: bytes) -> None:
        """Its reply has come."""
        if (status == ECANCELED and self._end is not None
                and time.monotonic() >= self._end):
            status = EDEADLINE      # it had been started, so Ferry cancels it
        # Who keeps the future keeps its result, and not what the call needed.
        decode, self._decode = self._decode, None
        if status:
            self._raise(self._errors.make(status, text_of(data)))
            return
        try:
            # Also where nobody waits any more: a handle that is in it is
            # released with the object made of it.
            result: Any = decode(data) if decode else data
        except Exception as error:
            self._raise(error)
            return
        try:
            self.set_result(result)
        except concurrent.futures.InvalidStateError:
            pass

    def _forked(self) -> None:
        """In a child: nobody will answer. The lock may have been that of a
        thread that is not here; so may those of who waits by wait()."""
        lock = self._condition._lock  # type: ignore[attr-defined]
        if not lock._is_owned():
            lock._at_fork_reinit()
        self._waiters: List[Any] = []
        self._done_callbacks: List[Any] = []
        self._raise(error_of(EFORKED))


def _apart(future: Future[Any], function: Callable[..., None],
           *args: Any) -> None:
    """Here; where somebody does not let go of the future, on a thread of its
    own. (In Python 3.9 what a signal handler raises may end a `with` before
    the lock has been given back.)"""
    if future._condition.acquire(timeout=_PATIENCE):
        future._condition.release()
        function(*args)
    else:
        _thread.start_new_thread(function, args)


class Taker:
    """The inbox and its thread."""

    def __init__(self) -> None:
        # The context stays open as long as it has calls.
        self._pending: Dict[
            int, Tuple[Future[Any], BlockingContext]] = {}
        # The one whose reply the thread has taken.
        self._settled: Optional[Future[Any]] = None
        self._numbers = itertools.count(1)
        # Timers: when, and whose. New ones of any thread, the thread's heap,
        # and until when it sleeps.
        self._new: Deque[Tuple[float, int]] = collections.deque()
        self._timers: List[Tuple[float, int]] = []
        self._until = 0.0
        self._items = (Completion * _BATCH)()
        self._address = ctypes.addressof(self._items)
        token = c_uint64()
        check(lib.inbox_open(byref(token), None))
        self._token = token.value
        self._one = threading.Lock()
        self._started = False

    def prepare(self) -> None:
        """Starts its thread. Not by threading: that waits until it runs, and
        an exception of a signal handler's would leave it half known."""
        if not self._started:
            _thread.start_new_thread(self._run, ())
            self._started = True

    def attach(self, context: int) -> None:
        """Will have the replies of this context, too."""
        r = lib.inbox_attach(self._token, context, byref(AttachOptions()))
        if r and r != EALREADY:
            raise refusal(r)

    def submit(self, future: Future[Any], context: BlockingContext,
               function: int, block: bytes, lane: int,
               timeout: Optional[float]) -> None:
        """What was refused raises, but for a timeout, which comes as any other
        does."""
        number = next(self._numbers)
        options = RequestOptions(lane=_given.lane(lane), inbox=self._token,
                                 user=number)
        timeout = _given.seconds(timeout)
        if timeout is not None:
            # The earlier of the two: what Ferry cancels by the other one is
            # known by this to have been late.
            future._end = time.monotonic() + timeout
            options.deadline_ns = lib.clock_ns() + max(1, int(timeout * 1e9))
        self._pending[number] = future, context
        try:
            r = lib.request_submit(byref(future._token), context.token,
                                   function, block, len(block),
                                   byref(options))
        except ctypes.ArgumentError:    # not bytes, say
            del self._pending[number]
            raise
        if r:
            del self._pending[number]
            if r != EDEADLINE:
                raise refusal(r)
            future._settle(r, b"")
        elif future._end is not None:
            self._new.append((future._end, number))
            if future._end < self._until:
                lib.inbox_wake(self._token)

    def _collect(self) -> None:
        """Puts new timers into the heap; drops those of calls that ended."""
        while self._new:
            heapq.heappush(self._timers, self._new.popleft())
        if len(self._timers) > 2 * len(self._pending) + _SPARE:
            self._timers = [t for t in self._timers if t[1] in self._pending]
            heapq.heapify(self._timers)

    def _expire(self) -> int:
        """Ends those whose time has passed; for how long to sleep now, ms."""
        while True:
            self._collect()
            end = self._timers[0][0] if self._timers else math.inf
            left = end - time.monotonic()
            if left > 0:
                # Who adds one now finds this, and wakes the thread; who has
                # added one before is found.
                self._until = end
                if self._new:
                    continue
                return int(left * 1000) + 1 if left < math.inf else -1
            _, number = heapq.heappop(self._timers)
            found = self._pending.get(number)
            if found is not None:
                _apart(found[0], found[0]._expire)

    def _take(self) -> None:
        n = check(lib.inbox_take(self._address, _BATCH, self._token))
        taken = [(item.user, item.status, copy(item.data, item.size))
                 for item in self._items[:n] if item.kind == KIND_REPLY]
        lib.inbox_release(self._address, n)
        for number, status, data in taken:
            try:
                future, _ = self._pending[number]
                self._settled = future      # a fork may come at any time
                del self._pending[number]
                _apart(future, future._settle, status, data)
            except BaseException:
                _tell()     # of a callback that ends threads, say
            finally:
                self._settled = None

    def forked(self) -> None:
        """In a child: it has no such thread."""
        if self._settled is not None:
            self._settled._forked()
        for future, _ in self._pending.values():
            future._forked()

    def _run(self) -> None:
        if not self._one.acquire(blocking=False):
            return      # it had been started, when an exception came
        threading.current_thread().name = "ferry-futures"
        while True:
            try:
                ms = self._expire()
            except BaseException:
                _tell()
                continue
            r = lib.inbox_wait(self._token, ms)
            if r not in (ETIMEDOUT, EINTR):
                check(r)
                self._take()


def _tell() -> None:
    kind, value, trace = sys.exc_info()
    assert kind is not None
    threading.excepthook(threading.ExceptHookArgs(
        (kind, value, trace, threading.current_thread())))


# One at most.
_takers: Dict[str, Taker] = {}


def taker() -> Taker:
    """The process's."""
    found = _takers.get("the")
    if found is None:
        made = Taker()
        found = _takers.setdefault("the", made)
        if found is not made:
            lib.inbox_close(None, made._token)
    found.prepare()
    return found


def forked() -> None:
    """In a child: there is no such thread, and no call on its way."""
    for one in _takers.values():
        one.forked()
    _takers.clear()

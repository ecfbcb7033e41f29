"""Replies on asyncio loops: one inbox for each loop, made when it is needed.

All of a loop's requests, to whatever package and context, are answered through
its one inbox, whose descriptor the loop watches. Everything here but the end of
an inbox happens on the loop's own thread.

An inbox is held by its loop, as a reader, and by the contexts that were used on
it. When the loop has been closed the next one that is made, or the next
context that is opened or closed, closes the inbox too; so does the collector.
"""

from __future__ import annotations

import asyncio
import collections
import ctypes
import threading
import time
import weakref
from ctypes import byref, c_int, c_size_t, c_uint64
from typing import (Any, Callable, Deque, Dict, Iterator, List, Optional,
                    Tuple, TypeVar)

from . import _given
from ._batch import Batch
from ._c import (EAGAIN, ECANCELED, ECLOSED, EDEADLINE, EINVAL, ESTALE,
                 KIND_CLOSED, KIND_REPLY, KIND_WRITABLE, REPLY, Completion,
                 RequestOptions, copy, generation, lib, memory)
from ._errors import Errors, check, refusal, text_of, timed_out
from ._final import Finalizer

T = TypeVar("T")

# What a request has in C: its number, its token and its options, and the
# addresses of both.
Slot = Tuple[int, c_uint64, RequestOptions, Any, Any]

_SLOTS = 64     # made at once
_BATCH = 256    # completions taken at once
_ROUNDS = 4     # batches, before the loop gets its turn

_push = lib.request_push

# Lengths, as they are handed over.
_SIZES = [c_size_t(i) for i in range(512)]


# Whether the process is.
_ending = False


def at_exit() -> None:
    global _ending
    _ending = True


class Request(asyncio.Future[T]):
    """A call on its way: a future. To cancel it, or the task that awaits it,
    cancels the call, and waits for nothing."""

    __slots__ = ("_port", "_slot", "_decode", "_errors", "_timer",
                 "_deadline", "_waits")

    _port: Port
    _slot: Optional[Slot]       # none before it is submitted, and after it
    _decode: Optional[Callable[[bytes], T]]
    _errors: Errors
    _timer: Optional[asyncio.TimerHandle]
    _deadline: int              # by Ferry's clock; where there is a timer
    # Until there is room: function, arguments, lane, deadline.
    _waits: Tuple[int, bytes, int, int]

    def cancel(self, msg: Optional[Any] = None) -> bool:
        """Cancels the call, unless it is done."""
        if not super().cancel(msg):
            return False
        self._withdraw()
        return True

    def _withdraw(self) -> None:
        """Nobody waits any more. The reply still comes, and frees the slot."""
        slot = self._slot
        if slot is not None and self._port.generation == generation():
            # Whatever it says: a reply comes, or has come already.
            lib.request_cancel(slot[1])

    def _expire(self) -> None:
        if not self.done():
            self.set_exception(timed_out())
            self._withdraw()

    def _fail(self, status: int, text: str) -> None:
        """There will be no results."""
        if self.done():
            return
        if (status == ECANCELED and self._timer is not None
                and time.monotonic_ns() >= self._deadline):
            status = EDEADLINE      # it had been started, so Ferry cancels it
        self.set_exception(self._errors.make(status, text))
        if _ending or status in (ECANCELED, ECLOSED):
            # Who closes a context has not forgotten the calls that this ends,
            # and who has left them behind, on a thread that is a daemon, is not
            # told either that nobody has looked at them.
            self._log_traceback = False


class Port:
    """A context on a loop: where its requests are submitted."""

    def __init__(self, inbox: Inbox, context: int) -> None:
        self.inbox = inbox
        self.context = c_uint64(context)
        self.loop: asyncio.AbstractEventLoop = inbox.loop
        self.generation: int = inbox.generation
        self.free = inbox.free
        self.pending = inbox.pending
        # Requests that have found no room.
        self.waiting: Deque[Request[Any]] = collections.deque()

    def submit(self, function: int, block: bytes,
               decode: Optional[Callable[[bytes], T]], errors: Errors,
               timeout: Optional[float], lane: int) -> Request[T]:
        """Submits, or waits for room: what was refused raises, but for a
        timeout, which comes as any other does."""
        request: Request[T] = Request(loop=self.loop)
        request._port = self
        request._slot = request._timer = None
        request._decode = decode
        request._errors = errors
        deadline = 0
        if lane:
            lane = _given.lane(lane)
        if timeout is not None:
            timeout = _given.seconds(timeout)
        if timeout is not None:
            deadline = time.monotonic_ns() + max(1, int(timeout * 1e9))
        if self.waiting:
            r = EAGAIN
        else:
            r = self.push(request, function, block, lane, deadline)
        if r == EAGAIN:
            request._waits = (function, block, lane, deadline)
            self.waiting.append(request)
        elif r == EDEADLINE:
            request.set_exception(timed_out())
            return request
        elif r:
            raise refusal(r)
        if timeout is not None:
            request._deadline = deadline
            request._timer = self.loop.call_later(timeout, request._expire)
        return request

    def push(self, request: Request[Any], function: int, block: bytes,
             lane: int, deadline: int) -> int:
        """What ferry_request_submit() says."""
        size, free = len(block), self.free
        if not free:
            self.inbox.grow()
        # Here, once for each request: a finalizer that submits in the middle
        # of this has a slot of its own.
        slot = free.pop()
        index, _, options, token_at, options_at = slot
        if lane or deadline:
            options.lane = lane
            options.deadline_ns = deadline
        self.pending[index] = request
        request._slot = slot
        try:
            r = _push(token_at, self.context, function, block,
                      _SIZES[size] if size < 512 else c_size_t(size),
                      options_at)
        except ctypes.ArgumentError:    # not bytes, say
            r = EINVAL
        if lane or deadline:
            options.lane = options.deadline_ns = 0
        if r:
            self.pending[index] = request._slot = None
            free.append(slot)
        return r

    def push_waiting(self) -> None:
        """There may be room again, or none for ever."""
        waiting = self.waiting
        while waiting:
            request = waiting[0]
            r = 0
            if not request.done():
                r = self.push(request, *request._waits)
            if r == EAGAIN:
                return
            waiting.popleft()
            if r:
                if request._timer is not None:
                    request._timer.cancel()
                request._fail(ECLOSED if r == ESTALE else r, "")


class Inbox:
    """The completions of one loop. Made by of()."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.generation = generation()
        self.free: List[Slot] = []
        self.pending: List[Optional[Request[Any]]] = []
        self._ports: Dict[int, Port] = {}
        self._batch = Batch(_BATCH)
        self._view = memoryview(self._batch.items).cast("B")
        # What is in hand and has not been looked at, and how many that were.
        self._rest: Optional[Iterator[Tuple[Any, ...]]] = None
        self._taken = 0
        self._others = False     # there are notices among them
        token, fd = c_uint64(), c_int()
        check(lib.inbox_open(byref(token), None))
        self.token = token.value
        self._finalizer = Finalizer(
            self, _close, self.token, self.generation)
        check(lib.inbox_fd(byref(fd), self.token))
        self._fd = fd.value
        try:
            loop.add_reader(self._fd, self._drain)
        except NotImplementedError:
            self._finalizer()
            raise NotImplementedError(
                "%s has no add_reader(), by which replies come: use a loop "
                "that watches descriptors (asyncio.SelectorEventLoop, uvloop)"
                ", or open_blocking()" % type(loop).__name__) from None

    def grow(self) -> None:
        """Makes more slots."""
        for _ in range(_SLOTS):
            index, token = len(self.pending), c_uint64()
            options = RequestOptions(inbox=self.token, user=index)
            self.pending.append(None)
            self.free.append((index, token, options, byref(token),
                              byref(options)))

    def port(self, context: int) -> Port:
        """Where requests to a context are submitted."""
        port = self._ports.get(context)
        if port is None:
            check(lib.inbox_attach(self.token, context, None))
            port = self._ports[context] = Port(self, context)
        return port

    def _drain(self) -> None:
        """The loop's: the descriptor is readable."""
        for _ in range(_ROUNDS):
            try:
                n = self._take()
                if n > 0:
                    self._deliver()
            except BaseException:
                # Ctrl-C, say, in the middle of it: the rest is not lost.
                self.loop.call_soon(self._drain)
                raise
            if check(n) == 0:
                return
            # Without a call between the two: in those, handlers may raise.
            self._rest = None
            self._batch.spent = n
            self._batch.give_back()
            if n < _BATCH:
                return

    def _take(self) -> int:
        """How many are in hand, or an error."""
        if self._rest is None:
            n = self._batch.take(self.token)
            if n <= 0:
                return n
            rest = REPLY.iter_unpack(self._view[:n * REPLY.size])
            self._others = False
            self._taken = n
            self._rest = rest
        return self._taken

    def _deliver(self) -> None:
        pending = self.pending
        assert self._rest is not None
        for kind, status, user, data, size in self._rest:
            if kind != KIND_REPLY:
                self._others = True
                continue
            request = pending[user]
            assert request is not None
            try:
                self._answer(request, user, status, data, size)
            except BaseException:
                # A signal handler's, Ctrl-C say, and the reply was in hand:
                # nobody else can say that there will be no other.
                asyncio.Future.cancel(request)
                raise
        if self._others:
            for item in self._batch.items[:self._taken]:
                self._notice(item)

    def _answer(self, request: Request[Any], user: int, status: int,
                data: int, size: int) -> None:
        slot, request._slot = request._slot, None
        assert slot is not None
        self.pending[user] = None
        self.free.append(slot)
        if request._timer is not None:
            request._timer.cancel()
        # Who keeps the future keeps its result, and not what the call needed.
        decode, request._decode = request._decode, None
        if status:
            self._fail(request, status, text_of(copy(data, size)))
            return
        block = memory[data:data + size] if data else b""
        try:
            # Also where nobody waits any more: a handle that is in it is
            # released with the object made of it.
            if decode is not None:
                block = decode(block)
        except Exception as error:
            if not request.done():
                request.set_exception(error)
            return
        if not request.done():
            request.set_result(block)

    def _fail(self, request: Request[Any], status: int, text: str) -> None:
        request._fail(status, text)
        if status == ECLOSED:
            # A context that closes does not say that there is room.
            request._port.push_waiting()

    def _notice(self, item: Completion) -> None:
        if item.kind == KIND_WRITABLE:
            port = self._ports.get(item.context)
            if port:
                port.push_waiting()
        elif item.kind == KIND_CLOSED:
            port = self._ports.pop(item.context, None)
            if port:
                port.push_waiting()     # in vain

    def close(self) -> None:
        """Its loop has been closed: nobody waits for what is on its way."""
        for request in self.pending:
            if request is not None and request._slot is not None:
                lib.request_cancel(request._slot[1])
        self._finalizer()
        self.pending[:] = [None] * len(self.pending)
        self._ports.clear()


def _close(token: int, made: int) -> None:
    if made == generation():
        lib.inbox_close(None, token)


# By the loops' id(). A loop holds its inbox, this does not.
_inboxes: weakref.WeakValueDictionary[int, Inbox] = (
    weakref.WeakValueDictionary())
# The collector may run a finalizer, which closes a context, in the middle.
_lock = threading.RLock()


def of(loop: asyncio.AbstractEventLoop) -> Inbox:
    """The inbox of a loop."""
    inbox = _inboxes.get(id(loop))
    if inbox is None or inbox.loop is not loop:
        sweep()
        inbox = Inbox(loop)
        with _lock:
            _inboxes[id(loop)] = inbox
    return inbox


def sweep() -> None:
    """Closes the inboxes of loops that have been closed."""
    with _lock:
        closed = [inbox for inbox in list(_inboxes.values())
                  if inbox.loop.is_closed()]
        for inbox in closed:
            if _inboxes.get(id(inbox.loop)) is inbox:
                _inboxes.pop(id(inbox.loop), None)
    for inbox in closed:
        inbox.close()


def forked() -> None:
    """In a child: nothing of the parent's is left."""
    global _lock
    _lock = threading.RLock()
    _inboxes.clear()

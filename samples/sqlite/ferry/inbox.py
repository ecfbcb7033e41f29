"""Inboxes: replies, events and the watchdog's notices on an asyncio loop."""

import asyncio
import collections
import ctypes
from ctypes import byref, c_int, c_uint64

from .c import (
    ATTACH_EVENTS, ATTACH_LIVENESS, EAGAIN, ECANCELED, ECLOSED, EDETACHED,
    KIND_CLOSED, KIND_EVENT, KIND_REPLY, KIND_RESPONDING, KIND_STALE,
    KIND_WRITABLE, LEVELS, AttachOptions, Completion, RequestOptions, lib)
from .errors import check, error_of


def _copy(item):
    return ctypes.string_at(item.data, item.size) if item.data else b""


class Event:
    """Something the library said unasked."""

    __slots__ = ("context", "code", "name", "data", "dropped")

    def __init__(self, context, code, name, data, dropped):
        self.context = context
        self.code = code
        self.name = name
        self.data = data
        self.dropped = dropped    # events lost just before this one


class Notice:
    """What the watchdog said: .kind is KIND_STALE, KIND_NOT_RESPONDING or
    KIND_RESPONDING."""

    __slots__ = ("context", "kind", "request", "method", "level", "age_ns",
                 "depth", "count")

    def __init__(self, item):
        self.context = item.context
        self.kind = item.kind
        self.request = item.request
        self.method = item.name.decode() if item.name else None
        self.level = item.level
        self.age_ns = item.age_ns
        self.depth = item.depth
        self.count = item.count

    def __str__(self):
        seconds = self.age_ns / 1e9
        if self.kind == KIND_RESPONDING:
            return "responding again after %.2f s (at worst: %s)" % (
                seconds, LEVELS[self.level])
        if self.kind == KIND_STALE:
            return "request %#x, a call of `%s`, is running for %.2f s" % (
                self.request, self.method, seconds)
        return ("not responding: request %#x, a call of `%s`, has held the "
                "library's thread for %.2f s (level: %s); %d more requests "
                "wait behind it" % (self.request, self.method, seconds,
                                    LEVELS[self.level], self.depth))


class Stream:
    """An async iterator over events or notices, with a bounded memory.

    When its reader is too slow the oldest are lost, and counted in .dropped.
    It ends when its context or inbox is closed, or by close().
    """

    def __init__(self, inbox, home, capacity, decode=None):
        self._items = collections.deque(maxlen=capacity)
        self._decode = decode
        self._inbox = inbox
        self._home = home
        self._waiter = None
        self._ended = False
        self.dropped = 0
        home.add(self)

    def _put(self, item):
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        self._wake()

    def _end(self):
        self._ended = True
        self._wake()

    def _wake(self):
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            if self._waiter:
                raise RuntimeError("a stream has one reader")
            self._waiter = self._inbox.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._items.popleft()
        return self._decode(item) if self._decode else item

    def close(self):
        self._home.discard(self)
        self._end()


class Request:
    """A request on its way; await it for what it came to."""

    __slots__ = ("_inbox", "_future", "_token", "_decode", "_undo", "_args",
                 "_answered")

    def __init__(self, inbox, decode, undo):
        self._inbox = inbox
        self._future = inbox.loop.create_future()
        self._token = c_uint64()    # 0: waits for room
        self._decode = decode
        self._undo = undo
        self._args = None
        self._answered = False

    @property
    def token(self):
        return self._token.value

    def done(self):
        return self._future.done()

    def cancel(self):
        """Asks that it end early: it then raises CanceledError, if it was not
        finished first. (Cancelling the task that awaits it does this too.)"""
        if self._token.value:
            lib.request_cancel(self._token)
        elif not self._answered:
            self._settle(ECANCELED, b"")

    def __await__(self):
        try:
            return (yield from self._future.__await__())
        except BaseException:
            # The task was cancelled. The reply still comes; see _settle().
            if not self._answered:
                self.cancel()
            raise

    def _settle(self, status, data):
        """The reply is here."""
        self._answered = True
        self._args = None
        if self._future.done():     # nobody waits any more
            if self._undo:
                self._undo(status, data)
            return
        try:
            self._future.set_result(
                self._decode(status, data) if self._decode
                else (status, data))
        except Exception as error:
            self._future.set_exception(error)


class _Attachment:
    """What an inbox keeps for one of its contexts."""

    def __init__(self):
        self.events = set()
        self.notices = set()
        self.waiting = collections.deque()  # requests that found no room
        self.writable = 0                   # times there was room again


class Inbox:
    """Completions for one asyncio loop. Make it, and use it, on that loop."""

    BATCH = 128
    ROUNDS = 8      # batches taken before the loop gets its turn

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.replies = 0
        self._token = c_uint64()
        self._requests = {}         # by the key that is the C side's `user`
        self._key = 0
        self._attached = {}         # by context token
        self._items = (Completion * self.BATCH)()
        check(lib.inbox_open(byref(self._token), None))
        fd = c_int()
        check(lib.inbox_fd(byref(fd), self._token))
        self._fd = fd.value
        self._options = RequestOptions(inbox=self._token.value)
        self.loop.add_reader(self._fd, self._drain)

    # -- contexts

    def attach(self, context, *, events=False, liveness=False,
               event_capacity=0):
        """Requests to the context may now be submitted here."""
        flags = (ATTACH_EVENTS if events else 0) | (
            ATTACH_LIVENESS if liveness else 0)
        options = AttachOptions(flags=flags, event_capacity=event_capacity)
        check(lib.inbox_attach(self._token, context.token, byref(options)))
        self._attached[context.token] = _Attachment()

    def events(self, context, capacity=65536, decode=None):
        """The context's events from now on. Attach with events=True."""
        return Stream(self, self._attached[context.token].events, capacity,
                      decode)

    def notices(self, context, capacity=1024):
        """The watchdog's notices. Attach with liveness=True."""
        return Stream(self, self._attached[context.token].notices, capacity)

    # -- requests

    def submit(self, context, method, data=b"", *, lane=0, deadline_ns=0,
               stale_ms=0, decode=None, undo=None):
        """Submits; the Request that is returned can be awaited.

        Where a queue is full it waits for room here, in order, and is
        submitted when there is some. `decode(status, data)` makes the result
        or raises. `undo(status, data)` gets a reply that nobody waits for.
        """
        request = Request(self, decode, undo)
        request._args = (context.token, method, data, lane, deadline_ns,
                         stale_ms)
        attached = self._attached.get(context.token)
        if attached is None:
            raise error_of(EDETACHED)
        if attached.waiting:
            attached.waiting.append(request)
            return request
        r = self._push(request)
        if r == EAGAIN:
            attached.waiting.append(request)
        else:
            check(r)
        return request

    def _push(self, request):
        context, method, data, lane, deadline_ns, stale_ms = request._args
        self._key = key = self._key + 1
        options = self._options
        options.user = key
        options.lane = lane
        options.deadline_ns = deadline_ns
        options.stale_ms = stale_ms
        r = lib.request_submit(byref(request._token), context, method, data,
                               len(data), byref(options))
        if r == 0:
            request._args = None
            self._requests[key] = request
        return r

    def _push_waiting(self, attached):
        """There is room again: WRITABLE comes once for each EAGAIN."""
        attached.writable += 1
        waiting = attached.waiting
        while waiting:
            request = waiting[0]
            r = 0 if request._answered else self._push(request)
            if r == EAGAIN:
                return
            waiting.popleft()
            if r:
                request._settle(r, b"")

    # -- completions

    def _drain(self):
        """The loop's: the descriptor is readable."""
        for _ in range(self.ROUNDS):
            n = check(lib.inbox_take(self._items, self.BATCH, self._token))
            try:
                for i in range(n):
                    self._deliver(self._items[i])
            finally:
                lib.inbox_release(self._items, n)
            if n < self.BATCH:
                return

    def _deliver(self, item):
        kind = item.kind
        if kind == KIND_REPLY:
            self.replies += 1
            request = self._requests.pop(item.user)
            request._settle(item.status, _copy(item))
            return
        attached = self._attached.get(item.context)
        if attached is None:
            return
        if kind == KIND_EVENT:
            if attached.events:
                event = Event(item.context, item.code, item.name,
                              _copy(item), item.count)
                for stream in attached.events:
                    stream._put(event)
        elif kind == KIND_WRITABLE:
            self._push_waiting(attached)
        elif kind == KIND_CLOSED:
            self._forget(item.context)
        else:
            for stream in attached.notices:
                stream._put(Notice(item))

    def _forget(self, token):
        """A context has said its last word."""
        attached = self._attached.pop(token)
        for stream in attached.events | attached.notices:
            stream._end()
        for request in attached.waiting:
            if not request._answered:
                request._settle(ECLOSED, b"")

    # -- the end

    def close(self):
        """What is still on its way ends in ClosedError."""
        if not self._token.value:
            return
        self.loop.remove_reader(self._fd)
        check(lib.inbox_close(None, self._token))
        self._token.value = 0
        for token in list(self._attached):
            self._forget(token)
        requests, self._requests = self._requests, {}
        for request in requests.values():
            request._settle(ECLOSED, b"")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        self.close()

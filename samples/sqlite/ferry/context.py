"""Contexts, blocking calls and handles."""

import asyncio
import ctypes
import threading
import time
import warnings
import weakref
from ctypes import byref, c_uint32, c_uint64

from .c import (
    CLOSE_DRAIN, EALREADY, EBUSY, EINTR, ESTALE, ETIMEDOUT, CloseOptions,
    CloseReport, Counters, Health, Reply, RequestOptions, lib)
from .errors import FerryError, check


def deadline_in(seconds):
    """For deadline_ns: that far from now."""
    return lib.clock_ns() + int(seconds * 1e9)


def _copy(reply):
    return ctypes.string_at(reply.data, reply.size) if reply.data else b""


class Context:
    """An opened library. Who opened it closes it; `with` does."""

    def __init__(self, token):
        self.token = token
        self._closed = False

    def close(self, mode=CLOSE_DRAIN, timeout=None):
        """Closes, and returns a CloseReport if something would not end.

        Closing again then waits for the rest. Blocks; on a loop use aclose().
        """
        options = CloseOptions(
            mode=mode,
            timeout_ms=0 if timeout is None else max(1, int(timeout * 1000)))
        report = CloseReport()
        r = lib.context_close(self.token, byref(options), byref(report))
        if r == EBUSY:
            return report
        if r != ESTALE:
            check(r)
        self._closed = True
        return None

    async def aclose(self, mode=CLOSE_DRAIN, timeout=None):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self.close, mode, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if not self._closed:
            self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        if not self._closed:
            await self.aclose()

    def __del__(self):
        if not getattr(self, "_closed", True):
            warnings.warn("%r was not closed" % self, ResourceWarning,
                          source=self)

    def method(self, name):
        """The id of a method."""
        out = c_uint32()
        check(lib.context_method(byref(out), self.token, name.encode()))
        return out.value

    def counters(self):
        out = Counters()
        check(lib.context_counters(byref(out), self.token))
        return out

    def health(self):
        out = Health()
        check(lib.context_health(byref(out), self.token))
        return out

    def start(self, method, data=b"", *, lane=0, deadline_ns=0, undo=None):
        """Submits a request to be waited for; returns a Waiting."""
        waiting = Waiting(undo)
        waiting.submit(self, method, data, lane, deadline_ns)
        return waiting

    def invoke(self, method, data=b"", *, lane=0, deadline_ns=0, undo=None,
               timeout=None):
        """Submits and waits: (status, bytes).

        Ctrl-C, or anything else a signal handler raises, cancels the request
        and waits for its reply first; a second Ctrl-C does not wait. When the
        timeout passes the request is cancelled, and TimedOutError raised.
        """
        # It exists before the request does: whenever the exception comes, the
        # token is where give_up() finds it.
        waiting = Waiting(undo)
        try:
            waiting.submit(self, method, data, lane, deadline_ns)
            return waiting.wait(timeout)
        except BaseException:
            waiting.give_up()
            raise


class Waiting:
    """A request that a thread waits for."""

    # A signal that lands after Python last looked for one, and before the
    # wait sleeps, interrupts nothing. So where Python runs signal handlers,
    # the main thread, no sleep is longer than this.
    SLICE_MS = 250

    # A reply's status until there is one; C writes it with the reply.
    NO_REPLY = -2 ** 31

    def __init__(self, undo=None):
        self._token = c_uint64()
        self._undo = undo

    def submit(self, context, method, data, lane, deadline_ns):
        options = RequestOptions(lane=lane, deadline_ns=deadline_ns)
        check(lib.request_submit(byref(self._token), context.token, method,
                                 data, len(data), byref(options)))

    @property
    def token(self):
        return self._token.value

    def cancel(self):
        """False if it was too late."""
        return lib.request_cancel(self._token) in (0, EALREADY)

    def wait(self, timeout=None):
        """(status, bytes), once. After TimedOutError it may be called again."""
        reply = Reply(status=self.NO_REPLY)
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                r = lib.request_wait(byref(reply), self._token,
                                     self._next_wait(end))
                # Between these two Python runs its signal handlers.
                if r == ETIMEDOUT and (end is None or
                                       time.monotonic() < end):
                    continue
                if r != EINTR:
                    break
            check(r)
            return reply.status, _copy(reply)
        except BaseException:
            if reply.status != self.NO_REPLY and self._undo:
                self._undo(reply.status, _copy(reply))
            raise
        finally:
            if reply.status != self.NO_REPLY:
                self._token.value = 0
                lib.block_release(reply.data)

    def _next_wait(self, end):
        ms = -1
        if end is not None:
            ms = max(0, int((end - time.monotonic()) * 1000) + 1)
        if threading.current_thread() is threading.main_thread():
            ms = self.SLICE_MS if ms < 0 else min(ms, self.SLICE_MS)
        return ms

    def give_up(self, patience=5):
        """Cancels, and waits a while for the reply, which is thrown away."""
        if not self._token.value:
            return
        self.cancel()
        try:
            status, data = self.wait(patience)
            if self._undo:
                self._undo(status, data)
        except FerryError:
            pass
        finally:
            if self._token.value:
                lib.request_release(self._token)
                self._token.value = 0


class Handle:
    """An object of the library; released when this one is gone."""

    def __init__(self, token):
        self.token = token
        # Safe from any thread at any moment: it never blocks and takes no
        # lock, which is all a finalizer may do. At exit the close does it.
        self._finalizer = weakref.finalize(self, lib.handle_release, token)
        self._finalizer.atexit = False

    def release(self):
        self._finalizer()

"""What a context's threads do just now, and what they have done."""

from __future__ import annotations

from ctypes import byref, c_size_t, create_string_buffer
from typing import NamedTuple, Optional

from ._c import E2BIG, METRICS_JSON, METRICS_TEXT, CHealth, lib
from ._errors import checked

FIRST = 16 * 1024   # bytes that metrics are tried with

LEVELS = ("none", "slow", "stalled", "wedged", "fatal")
_THREADS = ("idle", "busy", "in_listener", "gone", "in_cancel_hook",
            "in_emit", "in_doorbell")


def level_name(level: int) -> str:
    return LEVELS[level] if level < len(LEVELS) else "?"


def _thread_name(state: int) -> str:
    return _THREADS[state] if state < len(_THREADS) else "?"


def _text(name: Optional[bytes]) -> Optional[str]:
    return name.decode("utf-8", "replace") if name else None


class Health(NamedTuple):
    """What a context's threads do just now."""

    #: The library's thread: idle, busy, gone; or where it waits: in_listener,
    #: in_cancel_hook, in_emit, in_doorbell.
    worker: str
    level: str              #: as last judged: none, slow, stalled, wedged, fatal
    method: Optional[str]   #: of the call in hand
    seconds: float          #: since the worker was last seen to move
    queued: int             #: calls
    running: int
    beats: int              #: goes up while the worker moves
    watcher: str            #: the thread that judges
    watcher_seconds: float  #: since it looked last
    listener: Optional[str]  #: that the watcher is in
    listener_seconds: float
    hook_method: Optional[str]  #: whose cancel hook runs
    hook_seconds: float
    hooks: int              #: cancel hooks that run
    lost_wakeup_seconds: float  #: that the worker has slept over its queue
    worker_thread: int      #: the system's numbers
    watcher_thread: int


def health(token: int) -> Health:
    """Of a context; needs none of its threads."""
    out = CHealth()
    checked(lib.context_health(byref(out), token))
    return Health(
        _thread_name(out.worker), level_name(out.level),
        _text(out.method_name), out.age_ns / 1e9, out.queued, out.running,
        out.beats, _thread_name(out.watcher), out.watcher_age_ns / 1e9,
        _text(out.listener_name), out.listener_age_ns / 1e9,
        _text(out.hook_method_name), out.hook_age_ns / 1e9, out.hooks,
        out.lost_wakeup_ns / 1e9, out.worker_thread, out.watcher_thread)


def metrics(token: int, json: bool) -> str:
    """Of a context; needs none of its threads."""
    form = METRICS_JSON if json else METRICS_TEXT
    size = c_size_t(FIRST)
    while True:
        # It may grow from one time to the next.
        buf = create_string_buffer(size.value + size.value // 8 + 1)
        r = lib.context_metrics(byref(size), buf, len(buf), token, form)
        if r != E2BIG:
            checked(r)
            return buf.value.decode("utf-8", "replace")

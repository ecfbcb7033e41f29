"""The C side of Ferry's binding: structs, constants and functions of ferry.h.

What libferry's own size or layout decides is here and nowhere else.
"""

import ctypes
import os
import pathlib
from ctypes import (Structure, c_char_p, c_int, c_int32, c_int64, c_size_t,
                    c_uint32, c_uint64, c_void_p)

ABI = 1

UNBOUNDED = 2 ** 64 - 1
OFF = 2 ** 32 - 1

LEVELS = ("none", "slow", "stalled", "wedged", "fatal")
LEVEL_SLOW, LEVEL_STALLED, LEVEL_WEDGED, LEVEL_FATAL = 1, 2, 3, 4

CLOSE_DRAIN, CLOSE_CANCEL, CLOSE_ABANDON = 0, 1, 2

(KIND_REPLY, KIND_EVENT, KIND_STALE, KIND_WRITABLE, KIND_NOT_RESPONDING,
 KIND_RESPONDING, KIND_CLOSED) = range(1, 8)

ATTACH_EVENTS, ATTACH_LIVENESS = 1, 2

# FERRY_EINVAL is -1, and so on.
ERRORS = (
    "EINVAL", "ESTALE", "EFOREIGN", "ENOMEM", "ESYSTEM", "EAGAIN", "E2BIG",
    "ECLOSED", "EQUIESCED", "EREENTRANT", "EDEADLK", "ETIMEDOUT", "EINTR",
    "ECANCELED", "EDEADLINE", "ENOMETHOD", "ENOEVENT", "EALREADY", "EBUSY",
    "EREPLIED", "EDONE", "EFROZEN", "EEXIST", "EABI", "EINIT", "ESTUCK",
    "ETHREAD", "ELOST", "EDETACHED", "ENOTSUP")
EAGAIN, ECLOSED, ETIMEDOUT, EINTR, ECANCELED = -6, -8, -12, -13, -14
ESTALE, EALREADY, EBUSY, EDETACHED = -2, -18, -19, -29


class Sized(Structure):
    """A struct that begins with its own size."""

    def __init__(self, **fields):
        super().__init__(ctypes.sizeof(type(self)), **fields)


class Levels(Structure):
    _fields_ = [("slow_ms", c_uint32), ("stalled_ms", c_uint32),
                ("wedged_ms", c_uint32), ("fatal_ms", c_uint32)]


class ContextOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32),
                ("shards", c_uint32), ("library", c_uint64),
                ("worker_key", c_char_p), ("thread_name", c_char_p),
                ("stack_size", c_size_t), ("init_arg", c_void_p),
                ("timeout_ms", c_int64), ("depth", c_uint64),
                ("depth_total", c_uint64), ("payload_max", c_uint64),
                ("event_policy", c_uint32), ("event_capacity", c_uint32),
                ("levels", Levels), ("notify_level", c_uint32),
                ("reserved", c_uint32), ("error_text", c_void_p),
                ("error_text_size", c_size_t)]


class CloseOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32),
                ("mode", c_uint32), ("timeout_ms", c_int64)]


class CloseReport(Sized):
    _fields_ = [("struct_size", c_size_t), ("running", c_uint32),
                ("callback_not_run", c_uint32), ("abandoned", c_uint64),
                ("request", c_uint64), ("method", c_char_p),
                ("age_ns", c_uint64)]


class RequestOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32),
                ("stale_ms", c_uint32), ("lane", c_uint64),
                ("deadline_ns", c_uint64), ("inbox", c_uint64),
                ("callback", c_void_p), ("user", c_void_p),
                ("free", c_void_p), ("free_user", c_void_p)]


class Reply(Structure):
    _fields_ = [("status", c_int32), ("reserved", c_uint32),
                ("data", c_void_p), ("size", c_size_t)]


class AttachOptions(Sized):
    _fields_ = [("struct_size", c_size_t), ("flags", c_uint32),
                ("event_capacity", c_uint32), ("user", c_void_p)]


class Completion(Structure):
    _fields_ = [("kind", c_uint32), ("status", c_int32), ("code", c_uint32),
                ("level", c_uint32), ("context", c_uint64),
                ("request", c_uint64), ("user", c_void_p),
                ("data", c_void_p), ("size", c_size_t), ("name", c_char_p),
                ("age_ns", c_uint64), ("depth", c_uint64),
                ("count", c_uint64)]


class Counters(Sized):
    """Counts since the open; ferry.h says which must add up."""
    _fields_ = [("struct_size", c_size_t)] + [
        (name, c_uint64) for name in (
            "submitted", "refused", "started", "queued", "running",
            "unstarted_canceled", "unstarted_deadline", "unstarted_closed",
            "ended_ok", "ended_error", "ended_canceled", "ended_lost",
            "ended_closed", "late_replies", "discarded", "wakes",
            "events_emitted", "events_refused", "events_unheard",
            "events_dropped", "events_delivered", "events_overrun",
            "stall_episodes", "handles_open", "parks", "observer_gaps",
            "threads_lost")]


class Health(Sized):
    _fields_ = [("struct_size", c_size_t), ("worker", c_uint32),
                ("watcher", c_uint32), ("level", c_uint32),
                ("method", c_uint32), ("request", c_uint64),
                ("method_name", c_char_p), ("beats", c_uint64),
                ("age_ns", c_uint64), ("watcher_age_ns", c_uint64),
                ("queued", c_uint64), ("running", c_uint64),
                ("worker_thread", c_uint32), ("watcher_thread", c_uint32)]


# Those that may block, or be waited for: the interpreter runs on meanwhile.
_BLOCKING = {
    "ferry_context_close": [c_uint64, c_void_p, c_void_p],
    "ferry_request_wait": [c_void_p, c_uint64, c_int64],
    "ferry_inbox_wait": [c_uint64, c_int64],
    "ferry_inbox_close": [c_void_p, c_uint64],
    "ferry_quiesce": [c_int64],
    "ferry_request_cancel": [c_uint64],
}

# Those that never block keep the interpreter's lock: giving it up and getting
# it back would cost more than they do.
_QUICK = {
    "ferry_version": [],
    "ferry_abi_check": [c_uint32],
    "ferry_context_method": [c_void_p, c_uint64, c_char_p],
    "ferry_context_event": [c_void_p, c_uint64, c_char_p],
    "ferry_request_submit": [c_void_p, c_uint64, c_uint32, c_char_p, c_size_t,
                             c_void_p],
    "ferry_request_release": [c_uint64],
    "ferry_block_release": [c_void_p],
    "ferry_handle_release": [c_uint64],
    "ferry_inbox_open": [c_void_p, c_void_p],
    "ferry_inbox_fd": [c_void_p, c_uint64],
    "ferry_inbox_attach": [c_uint64, c_uint64, c_void_p],
    "ferry_inbox_take": [c_void_p, c_uint32, c_uint64],
    "ferry_inbox_release": [c_void_p, c_uint32],
    "ferry_context_counters": [c_void_p, c_uint64],
    "ferry_context_health": [c_void_p, c_uint64],
}


def find_library():
    """What to hand to the loader."""
    named = os.environ.get("FERRY_LIBRARY")
    if named:
        return named
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, *here.parents):
        candidate = folder / "build" / "libferry.so"
        if candidate.exists():
            return str(candidate)
    return "libferry.so.0"


class _Library:
    """libferry's functions, by name without the prefix."""

    def __init__(self, path):
        self.path = path
        blocking = ctypes.CDLL(path)
        quick = ctypes.PyDLL(path)
        for dll, table in ((blocking, _BLOCKING), (quick, _QUICK)):
            for name, arguments in table.items():
                function = getattr(dll, name)
                function.argtypes = arguments
                function.restype = c_int
                setattr(self, name[len("ferry_"):], function)
        for name in ("error_name", "error_text"):
            function = getattr(quick, "ferry_" + name)
            function.argtypes = [c_int]
            function.restype = c_char_p
            setattr(self, name, function)
        self.clock_ns = quick.ferry_clock_ns
        self.clock_ns.argtypes = []
        self.clock_ns.restype = c_uint64


lib = _Library(find_library())

if lib.abi_check(ABI) != 0:
    raise ImportError("%s is version %d, which does not serve ABI %d" % (
        lib.path, lib.version(), ABI))

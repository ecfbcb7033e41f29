"""The C side: structs, constants and functions of ferry.h and package.h.

What libferry's own sizes or layouts decide is here and nowhere else.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from ctypes import (POINTER, Structure, c_char, c_char_p, c_int, c_int32,
                    c_int64, c_size_t, c_uint32, c_uint64, c_void_p)
from typing import Any, Callable, Dict, List, Optional, Type

ABI = 1
PACKAGE_FORMAT = 1

CLOSE_DRAIN, CLOSE_CANCEL, CLOSE_ABANDON = 0, 1, 2
METRICS_TEXT, METRICS_JSON = 1, 2

(KIND_REPLY, KIND_EVENT, KIND_STALE, KIND_WRITABLE, KIND_NOT_RESPONDING,
 KIND_RESPONDING, KIND_CLOSED, KIND_IN_LISTENER,
 KIND_OVERLOADED, KIND_HELD) = range(1, 11)

ATTACH_EVENTS, ATTACH_LIVENESS = 1, 2

FUNCTION_CONSTRUCTOR, FUNCTION_METHOD = 1, 2
FUNCTION_DIRECT, FUNCTION_EVENT = 3, 4

# FERRY_EINVAL is -1, and so on.
ERRORS = (
    "EINVAL", "ESTALE", "EFOREIGN", "ENOMEM", "ESYSTEM", "EAGAIN", "E2BIG",
    "ECLOSED", "EQUIESCED", "EREENTRANT", "EDEADLK", "ETIMEDOUT", "EINTR",
    "ECANCELED", "EDEADLINE", "ENOMETHOD", "ENOEVENT", "EALREADY", "EBUSY",
    "EREPLIED", "EDONE", "EFROZEN", "EEXIST", "EABI", "EINIT", "ESTUCK",
    "ETHREAD", "ELOST", "EDETACHED", "ENOTSUP",
    "EFORKED", "ENOSTRAND", "EUNINIT")
EINVAL, ESTALE, EAGAIN, E2BIG, ECLOSED = -1, -2, -6, -7, -8
EBUSY, EFORKED = -19, -31
ETIMEDOUT, EINTR, ECANCELED, EDEADLINE, EALREADY = -12, -13, -14, -15, -18


class Sized(Structure):
    """A struct that begins with its own size."""

    def __init__(self, **fields: Any) -> None:
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
                ("strands", c_uint32), ("error_text", c_void_p),
                ("error_text_size", c_size_t), ("strand_stack", c_size_t),
                ("strand_memory", c_uint64)]


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
                ("count", c_uint64), ("listener", c_uint64)]


# Of a completion, what a reply has: kind, status, user, data, size.
REPLY = struct.Struct("=Ii%dxQQQ%dx" % (
    Completion.user.offset - 8,
    ctypes.sizeof(Completion) - Completion.name.offset))


class Counters(Sized):
    """Counts since the open; ferry.h says which must add up."""

    _fields_ = [("struct_size", c_size_t)] + [
        (name, c_uint64) for name in (
            "submitted", "refused", "started", "queued", "running",
            "unstarted_canceled", "unstarted_deadline", "unstarted_closed",
            "ended_ok", "ended_error", "ended_canceled", "ended_lost",
            "ended_closed", "late_replies", "discarded", "wakes",
            "events_emitted", "events_refused", "events_unheard",
            "events_dropped", "events_dropped_elsewhere",
            "events_dispatched", "events_heard", "events_delivered",
            "events_overrun", "stall_episodes", "handles_open", "parks",
            "observer_gaps", "threads_lost")]


class CHealth(Sized):
    _fields_ = [("struct_size", c_size_t), ("worker", c_uint32),
                ("watcher", c_uint32), ("level", c_uint32),
                ("method", c_uint32), ("request", c_uint64),
                ("method_name", c_char_p), ("beats", c_uint64),
                ("age_ns", c_uint64), ("watcher_age_ns", c_uint64),
                ("queued", c_uint64), ("running", c_uint64),
                ("worker_thread", c_uint32), ("watcher_thread", c_uint32),
                ("listener", c_uint64), ("listener_name", c_char_p),
                ("listener_age_ns", c_uint64), ("hook_request", c_uint64),
                ("hook_method_name", c_char_p), ("hook_age_ns", c_uint64),
                ("hook_thread", c_uint32), ("hooks", c_uint32),
                ("lost_wakeup_ns", c_uint64)]


class PackageField(Structure):
    _fields_ = [("name", c_char_p), ("offset", c_uint32), ("size", c_uint32)]


class PackageRecord(Structure):
    _fields_ = [("name", c_char_p), ("hash", c_uint64), ("size", c_uint32),
                ("align", c_uint32), ("n_fields", c_uint32),
                ("reserved", c_uint32), ("fields", POINTER(PackageField))]


class PackageFunction(Structure):
    _fields_ = [("name", c_char_p), ("hash", c_uint64), ("kind", c_uint32),
                ("root", c_uint32), ("id", c_uint32), ("reserved", c_uint32)]


OPEN_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_uint32, c_uint32, c_char_p,
                           c_size_t, c_void_p, c_void_p, c_size_t)
CALL_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint32, c_char_p,
                           c_size_t)


class PackageTable(Structure):
    _fields_ = [("struct_size", c_size_t), ("format", c_uint32),
                ("abi", c_uint32), ("name", c_char_p), ("version", c_char_p),
                ("model", c_void_p), ("model_size", c_size_t),
                ("roots", POINTER(c_char_p)),
                ("records", POINTER(PackageRecord)),
                ("functions", POINTER(PackageFunction)),
                ("n_roots", c_uint32), ("n_records", c_uint32),
                ("n_functions", c_uint32), ("reserved", c_uint32),
                ("open", OPEN_FN), ("call", CALL_FN)]


# Those that may block, or be waited for: the interpreter runs on meanwhile.
_BLOCKING: Dict[str, List[Any]] = {
    "ferry_context_close": [c_uint64, c_void_p, c_void_p],
    "ferry_request_wait": [c_void_p, c_uint64, c_int64],
    "ferry_inbox_wait": [c_uint64, c_int64],
    "ferry_inbox_close": [c_void_p, c_uint64],
    "ferry_quiesce": [c_int64],
    "ferry_request_cancel": [c_uint64],
    "ferry_context_metrics": [c_void_p, c_char_p, c_size_t, c_uint64,
                              c_uint32],
}

# Those that never block keep the interpreter's lock: giving it up and getting
# it back would cost more than they do.
_QUICK: Dict[str, List[Any]] = {
    "ferry_version": [],
    "ferry_abi_check": [c_uint32],
    "ferry_abi_layout": [c_void_p, c_void_p, c_char_p, c_char_p],
    "ferry_request_submit": [c_void_p, c_uint64, c_uint32, c_char_p, c_size_t,
                             c_void_p],
    "ferry_request_release": [c_uint64],
    "ferry_block_release": [c_void_p],
    "ferry_handle_release": [c_uint64],
    "ferry_inbox_open": [c_void_p, c_void_p],
    "ferry_inbox_fd": [c_void_p, c_uint64],
    "ferry_inbox_attach": [c_uint64, c_uint64, c_void_p],
    "ferry_inbox_wake": [c_uint64],
    "ferry_inbox_take": [c_void_p, c_uint32, c_uint64],
    "ferry_inbox_release": [c_void_p, c_uint32],
    "ferry_context_counters": [c_void_p, c_uint64],
    "ferry_context_health": [c_void_p, c_uint64],
}

_generation = 0


def _forked() -> None:
    global _generation
    _generation += 1


# In a child of os.fork() what the parent had opened is the parent's alone.
os.register_at_fork(after_in_child=_forked)


def generation() -> int:
    """How many forks lie between this process and the first one."""
    return _generation


def find_library() -> str:
    """The libferry that came with this package, or the environment's."""
    named = os.environ.get("FERRY_LIBRARY")
    if named:
        return named
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "libferry.so.0")
    if not os.path.exists(path):
        raise ImportError(
            "%s is missing: install the wheel of ferry-runtime, or name a "
            "library by the environment's FERRY_LIBRARY" % path)
    return path


class Library:
    """libferry's functions, by name without the prefix."""

    def __init__(self, path: str) -> None:
        self.path = path
        # Shims ask for libferry by its soname, so they get this one, wherever
        # it was loaded from.
        blocking = ctypes.CDLL(path)
        quick = ctypes.PyDLL(path)
        self.context_close = _function(blocking, "context_close")
        self.request_wait = _function(blocking, "request_wait")
        self.inbox_wait = _function(blocking, "inbox_wait")
        self.inbox_close = _function(blocking, "inbox_close")
        self.quiesce = _function(blocking, "quiesce")
        self.request_cancel = _function(blocking, "request_cancel")
        self.context_metrics = _function(blocking, "context_metrics")
        self.version = _function(quick, "version")
        self.abi_check = _function(quick, "abi_check")
        self.abi_layout = _function(quick, "abi_layout")
        self.request_submit = _function(quick, "request_submit")
        # The same, without types: for arguments that are of the right ones.
        # To convert them takes longer than the submit.
        self.request_push: Callable[..., int] = quick["ferry_request_submit"]
        self.request_release = _function(quick, "request_release")
        self.block_release = _function(quick, "block_release")
        self.handle_release = _function(quick, "handle_release")
        self.inbox_open = _function(quick, "inbox_open")
        self.inbox_fd = _function(quick, "inbox_fd")
        self.inbox_attach = _function(quick, "inbox_attach")
        self.inbox_wake = _function(quick, "inbox_wake")
        self.inbox_take = _function(quick, "inbox_take")
        self.inbox_release = _function(quick, "inbox_release")
        self.context_counters = _function(quick, "context_counters")
        self.context_health = _function(quick, "context_health")
        self._clock = quick.ferry_clock_ns
        self._clock.argtypes = []
        self._clock.restype = c_uint64
        self._names = {name: _text(quick, name) for name in (
            "error_name", "error_text", "verdict_name")}

    def clock_ns(self) -> int:
        """Now, by the clock of deadlines."""
        now: int = self._clock()
        return now

    def error_name(self, code: int) -> str:
        return self._names["error_name"](code)

    def error_text(self, code: int) -> str:
        return self._names["error_text"](code)

    def verdict_name(self, code: int) -> str:
        return self._names["verdict_name"](code)


def _function(dll: ctypes.CDLL, name: str) -> Callable[..., int]:
    name = "ferry_" + name
    function = getattr(dll, name)
    function.argtypes = (_BLOCKING.get(name) if name in _BLOCKING
                         else _QUICK[name])
    function.restype = c_int
    result: Callable[..., int] = function
    return result


def _text(dll: ctypes.CDLL, name: str) -> Callable[[int], str]:
    function = getattr(dll, "ferry_" + name)
    function.argtypes = [c_int]
    function.restype = c_char_p

    def call(code: int) -> str:
        text: bytes = function(code)
        return text.decode()
    return call


def is_main_interpreter() -> bool:
    """Not one of those that a process may have besides it."""
    python = getattr(ctypes, "pythonapi", None)     # CPython has one
    if python is None:
        return True
    of = ctypes.PYFUNCTYPE(c_void_p)
    current: Optional[int] = of(("PyInterpreterState_Get", python))()
    main: Optional[int] = of(("PyInterpreterState_Main", python))()
    return current == main


if sys.platform != "linux":
    raise ImportError("ferry-runtime is for Linux; this is " + sys.platform)
# The end of one would be Ferry's end for all of them.
if not is_main_interpreter():
    raise ImportError("ferry-runtime is for the main interpreter of a process, "
                      "and this is a subinterpreter")

_STRUCTS: Dict[str, Type[Structure]] = {
    "levels": Levels, "context_options": ContextOptions,
    "close_options": CloseOptions, "close_report": CloseReport,
    "request_options": RequestOptions, "reply": Reply,
    "attach_options": AttachOptions, "completion": Completion,
    "counters": Counters, "health": CHealth}


def check_layouts(library: Library) -> None:
    """Compares the structs above with those that the library was compiled
    with. It may have longer ones."""
    offset, size = c_uint32(), c_uint32()
    for name, struct_ in _STRUCTS.items():
        for field, *_ in struct_._fields_:
            here = getattr(struct_, field)
            r = library.abi_layout(
                ctypes.byref(offset), ctypes.byref(size),
                b"ferry_" + name.encode(), field.encode())
            if r or (offset.value, size.value) != (here.offset, here.size):
                raise ImportError(
                    "%s, version %d, does not have ferry_%s.%s where this "
                    "ferry-runtime does" % (
                        library.path, library.version(), name, field))


lib = Library(find_library())

if lib.abi_check(ABI) != 0:
    raise ImportError("%s is version %d, which does not serve ABI %d" % (
        lib.path, lib.version(), ABI))
check_layouts(lib)


# All memory there is, as an array: a slice of it is the cheapest copy that
# ctypes has. (string_at() takes three times as long.)
memory: Any = (c_char * sys.maxsize).from_address(0)


def copy(data: Optional[int], size: int) -> bytes:
    """The bytes of a block, which stays whoever's it is."""
    if not data:
        return b""
    block: bytes = memory[data:data + size]
    return block

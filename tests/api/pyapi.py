#!/usr/bin/env python3
"""Calls every exported function from Python: what a binding meets first.

For each function of the header: it is exported, takes as many arguments as
the header says, and answers zeros and rubbish with an error, not a crash.
Then the least there is to a conversation: a library without methods, a
context, an inbox, and what they say.
"""

import ctypes
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIBRARY = os.environ.get("FERRY_LIBRARY") or os.path.join(
    ROOT, os.environ.get("O", "build"), "libferry.so")
HEADERS = os.path.join(ROOT, "include", "ferry")

OK, EINVAL, ESTALE, EFOREIGN, ENOMETHOD = 0, -1, -2, -3, -16
EQUIESCED, EABI, ENOSTRAND, EUNINIT = -9, -24, -32, -33

# Arguments and what zeros for all of them are answered with. None: no int.
ZEROS = {
    "ferry_error_name": (1, None),
    "ferry_error_text": (1, None),
    "ferry_verdict_name": (1, None),
    "ferry_version": (0, None),
    "ferry_abi_check": (1, EABI),
    "ferry_abi_layout": (4, EINVAL),
    "ferry_clock_ns": (0, None),
    "ferry_library_open": (2, EINVAL),
    "ferry_library_add_method": (3, EINVAL),
    "ferry_library_add_event": (3, EINVAL),
    "ferry_library_close": (1, EINVAL),
    "ferry_context_open": (2, EINVAL),
    "ferry_context_close": (3, EINVAL),
    "ferry_context_method": (3, EINVAL),
    "ferry_context_event": (3, EINVAL),
    "ferry_context_method_name": (3, EINVAL),
    "ferry_context_event_name": (3, EINVAL),
    "ferry_context_emit": (4, EINVAL),
    "ferry_context_counters": (2, EINVAL),
    "ferry_context_running": (4, EINVAL),
    "ferry_context_health": (2, EINVAL),
    "ferry_context_ledger": (4, EINVAL),
    "ferry_context_watch": (2, EINVAL),
    "ferry_watch_signal": (1, OK),
    "ferry_context_metrics": (5, EINVAL),
    "ferry_request_submit": (6, EINVAL),
    "ferry_request_submit_many": (5, EINVAL),
    "ferry_request_wait": (3, EINVAL),
    "ferry_request_invoke": (8, EINVAL),
    "ferry_request_cancel": (1, EINVAL),
    "ferry_request_release": (1, EINVAL),
    "ferry_strand_sleep": (1, ENOSTRAND),
    "ferry_strand_yield": (0, ENOSTRAND),
    "ferry_strand_checkpoint": (0, ENOSTRAND),
    "ferry_strand_await": (3, ENOSTRAND),
    "ferry_strand_invoke": (8, ENOSTRAND),
    "ferry_strand_offload": (4, ENOSTRAND),
    "ferry_strand_poll": (4, ENOSTRAND),
    "ferry_strand_shield": (1, ENOSTRAND),
    "ferry_strand_alloc": (2, ENOSTRAND),
    "ferry_strand_id": (1, ENOSTRAND),
    "ferry_strand_counters": (2, EINVAL),
    "ferry_strand_admit": (2, EINVAL),
    "ferry_strand_wait_all": (2, EINVAL),
    "ferry_call_reply": (4, EINVAL),
    "ferry_call_reply_block": (4, EINVAL),
    "ferry_call_defer": (1, EINVAL),
    "ferry_call_on_cancel": (3, EINVAL),
    "ferry_call_check": (1, EINVAL),
    "ferry_call_describe": (2, EINVAL),
    "ferry_scope_push": (3, EINVAL),
    "ferry_scope_extend": (3, EINVAL),
    "ferry_scope_exempt": (2, EINVAL),
    "ferry_scope_pop": (1, EINVAL),
    "ferry_debug_wedge": (3, EINVAL),
    "ferry_block_alloc": (2, EINVAL),
    "ferry_block_release": (1, OK),
    "ferry_handle_open": (5, EINVAL),
    "ferry_handle_object": (4, EINVAL),
    "ferry_handle_release": (1, EINVAL),
    "ferry_inbox_open": (2, EINVAL),
    "ferry_inbox_fd": (2, EINVAL),
    "ferry_inbox_attach": (3, EINVAL),
    "ferry_inbox_take": (3, EINVAL),
    "ferry_inbox_wait": (2, EINVAL),
    "ferry_inbox_wake": (1, EINVAL),
    "ferry_listener_add": (3, EINVAL),
    "ferry_listener_remove": (1, EINVAL),
    "ferry_listener_remove_wait": (2, EINVAL),
    "ferry_inbox_release": (2, OK),
    "ferry_inbox_close": (2, EINVAL),
    "ferry_dump": (1, None), # it depends on what standard input is
    "ferry_dump_on_signal": (2, OK),
    "ferry_quiesce": (1, OK),
    "ferry_cleanup_flush": (1, EUNINIT),
    "ferry_cleanup_start": (1, OK),
    "ferry_cleanup_submit": (3, EINVAL),
    "ferry_cleanup_post": (4, EINVAL),
    "ferry_cleanup_counters": (1, EINVAL),
    "ferry_cleanup_health": (1, EINVAL),
    "ferry_cleanup_shutdown": (2, OK),
}

# Cannot be taken back: called last, not with the others.
LAST = {"ferry_quiesce"}


def check(condition, *what):
    if not condition:
        print("FAIL:", *what)
        sys.exit(1)


def declared():
    """{name: [type of each argument]} of every function in the headers."""
    text, found = "", {}
    for name in sorted(os.listdir(HEADERS)):
        with open(os.path.join(HEADERS, name), encoding="utf-8") as f:
            text += re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
    for name, args in re.findall(
            r"FERRY_API\s+[\w\s*]+?(ferry_\w+)\(([^;]*)\);", text):
        args = [" ".join(a.split()) for a in args.split(",")]
        found[name] = [] if args == ["void"] else args
    return found


def ctype(argument):
    """How an argument of the header is passed."""
    if "*" in argument or "_fn " in argument:
        return ctypes.c_void_p
    if re.match(r"(uint64_t|int64_t|size_t)\b", argument):
        return ctypes.c_uint64
    if re.match(r"(uint32_t|int)\b", argument):
        return ctypes.c_uint32
    check(argument.startswith("ferry_"), "what is", argument)
    return ctypes.c_uint64  # a token


def bind(lib, functions):
    for name, args in functions.items():
        check(hasattr(lib, name), name, "is not exported")
        f = getattr(lib, name)
        f.argtypes = [ctype(a) for a in args]
        f.restype = ctypes.c_int
    for name in ("ferry_error_name", "ferry_error_text",
                 "ferry_verdict_name"):
        getattr(lib, name).restype = ctypes.c_char_p
    lib.ferry_clock_ns.restype = ctypes.c_uint64


def arity(functions):
    """The table above and the header list the same functions."""
    check(set(functions) == set(ZEROS), "only in one of header and table:",
          set(functions) ^ set(ZEROS))
    for name, (count, _) in ZEROS.items():
        check(len(functions[name]) == count, name, "takes",
              len(functions[name]), "arguments, not", count)


def zeros(lib):
    for name, (count, expected) in ZEROS.items():
        if name in LAST:
            continue
        result = getattr(lib, name)(*[0] * count)
        if expected is not None:
            check(result == expected, name, "of zeros:", result)
    check(lib.ferry_error_name(0) == b"FERRY_OK", "name of 0")
    check(lib.ferry_error_text(0), "text of 0")
    check(lib.ferry_verdict_name(0) == b"UNKNOWN", "name of verdict 0")
    check(lib.ferry_version() > 0, "version")
    check(lib.ferry_abi_check(1) == OK, "abi 1")
    first = lib.ferry_clock_ns()
    check(0 < first <= lib.ferry_clock_ns(), "clock")


def rubbish(lib, functions):
    """Tokens that never were, with out-parameters that are good."""
    room = ctypes.create_string_buffer(b"\x5a" * 4096, 4096)
    pointer = ctypes.addressof(room)
    for name, args in functions.items():
        tokens = [i for i, a in enumerate(args)
                  if re.match(r"ferry_\w+ \w+$", a) and "_fn" not in a]
        if not tokens:
            continue
        for token in (1, 0x7fffffffffffffff, 0xffffffffffffffff):
            ctypes.memset(pointer, 0, 4096)
            ctypes.c_size_t.from_address(pointer).value = 8
            values = [pointer if "*" in a and "const" not in a else 0
                      for a in args]
            for i in tokens:
                values[i] = token
            result = getattr(lib, name)(*values)
            check(result in (EINVAL, ESTALE, EFOREIGN) or
                  ZEROS[name][1] == result == ENOSTRAND, name, "of token",
                  hex(token), "returned", result)


class LibraryOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t),
                ("flags", ctypes.c_uint32),
                ("n_methods", ctypes.c_uint32),
                ("name", ctypes.c_char_p),
                ("methods", ctypes.c_void_p),
                ("events", ctypes.c_void_p),
                ("n_events", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32),
                ("init", ctypes.c_void_p),
                ("fini", ctypes.c_void_p)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t),
                ("flags", ctypes.c_uint32),
                ("shards", ctypes.c_uint32),
                ("library", ctypes.c_uint64),
                ("worker_key", ctypes.c_char_p),
                ("thread_name", ctypes.c_char_p),
                ("stack_size", ctypes.c_size_t),
                ("init_arg", ctypes.c_void_p),
                ("timeout_ms", ctypes.c_int64),
                ("depth", ctypes.c_uint64),
                ("depth_total", ctypes.c_uint64),
                ("payload_max", ctypes.c_uint64),
                ("event_policy", ctypes.c_uint32),
                ("event_capacity", ctypes.c_uint32),
                ("levels", ctypes.c_uint32 * 4),
                ("notify_level", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32),
                ("error_text", ctypes.c_void_p),
                ("error_text_size", ctypes.c_size_t)]


class Completion(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("status", ctypes.c_int32),
                ("code", ctypes.c_uint32), ("level", ctypes.c_uint32),
                ("context", ctypes.c_uint64), ("request", ctypes.c_uint64),
                ("user", ctypes.c_void_p), ("data", ctypes.c_void_p),
                ("size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("age_ns", ctypes.c_uint64), ("depth", ctypes.c_uint64),
                ("count", ctypes.c_uint64), ("listener", ctypes.c_uint64)]


def conversation(lib):
    ref = ctypes.byref
    library, context, inbox = (ctypes.c_uint64() for _ in range(3))
    request, fd, item = ctypes.c_uint64(77), ctypes.c_int(), Completion()

    options = LibraryOptions(name=b"empty")
    options.struct_size = ctypes.sizeof(options)
    check(lib.ferry_library_open(ref(library), ref(options)) == OK, "library")
    options = ContextOptions(library=library.value)
    options.struct_size = ctypes.sizeof(options)
    check(lib.ferry_context_open(ref(context), ref(options)) == OK, "open")
    check(lib.ferry_inbox_open(ref(inbox), None) == OK, "inbox")
    check(lib.ferry_inbox_fd(ref(fd), inbox) == OK and fd.value >= 0, "fd")
    check(not os.get_inheritable(fd.value), "the descriptor is inherited")
    check(lib.ferry_inbox_attach(inbox, context, None) == OK, "attach")
    check(lib.ferry_request_submit(ref(request), context, 0, None, 0, None)
          == ENOMETHOD and request.value == 77, "submit")
    check(lib.ferry_context_close(context, None, None) == OK, "close")
    check(lib.ferry_inbox_wait(inbox, 10000) == OK, "wait")
    check(lib.ferry_inbox_take(ref(item), 1, inbox) == 1, "take")
    check(item.kind == 7 and item.context == context.value, "CLOSED")
    check(lib.ferry_inbox_release(ref(item), 1) == OK, "release")
    check(lib.ferry_inbox_close(None, inbox) == OK, "inbox close")
    check(lib.ferry_library_close(library) == OK, "library close")


def main():
    lib = ctypes.CDLL(LIBRARY)
    functions = declared()
    arity(functions)
    bind(lib, functions)
    zeros(lib)
    rubbish(lib, functions)
    conversation(lib)
    check(lib.ferry_quiesce(0) == OK, "quiesce")
    print("%d functions" % len(functions))


if __name__ == "__main__":
    main()

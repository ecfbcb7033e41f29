#!/usr/bin/env python3
"""A context's numbers, read by readers of their own: Python's json, and a
small strict parser of Prometheus' text format 0.0.4.

What both say is held against ferry_context_counters(), the requests that were
made, and each other. Library and methods have the worst of names.
"""

import ctypes
import json
import re
import threading

import pyapi
from pyapi import check

TEXT, JSON = 1, 2
NAMES = [b"plain", b'quote"back\\slash', b"new\nline\ttab\x01\x1f\x7f",
         "\u00fcml\u00e4ut \u20ac \U0001f600".encode(),
         b"\xff\xfe", b"cut \xe2\x82", b"\xed\xa0\x80 \xc0\xaf \xf5",
         b"\xf0\x8f\xbf\xbf", b"{}=,# HELP",
         # Others than each other, and so in what they are shown as.
         b"\xff", b"\xfe", b"\\xff", b"\\x5cxff", b"\\xf", b"\\xFF",
         b"\\x5\xff", b"\\\xff", b"\\\\xff", "\ufffd".encode()]
LIBRARY_NAME = b'lib\n"\\\xf0\x9f\x98\x80\x80'
HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p,
                           ctypes.c_size_t, ctypes.c_void_p)


class Method(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("handler", HANDLER), ("levels", ctypes.c_uint32 * 4)]


class Health(ctypes.Structure):
    """Its beginning."""
    _fields_ = [("struct_size", ctypes.c_size_t), ("worker", ctypes.c_uint32),
                ("watcher", ctypes.c_uint32)]


IDLE = 0    # FERRY_THREAD_IDLE


def header_struct(name):
    """The fields of a struct of 64-bit counters, as the headers say."""
    text = ""
    for part in ("ferry.h", "strand.h"):
        with open(pyapi.HEADERS + "/" + part, encoding="utf-8") as f:
            text += re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
    body = re.search(r"typedef struct %s \{(.*?)\}" % name, text, re.S)
    return re.findall(r"uint64_t (\w+);", body.group(1))


def counters_type(name):
    return type(name, (ctypes.Structure,), {
        "_fields_": [("struct_size", ctypes.c_size_t)] +
                    [(f, ctypes.c_uint64) for f in header_struct(name)]})


def read(lib, context, form):
    """The whole, as bytes; with less room than it needs at first."""
    size, room = ctypes.c_size_t(), 16
    while True:
        buf = ctypes.create_string_buffer(room)
        r = lib.ferry_context_metrics(
            ctypes.byref(size), buf, room, context, form)
        if r == pyapi.OK:
            check(len(buf.value) == size.value, "zero bytes inside")
            return buf.value
        check(r == -7 and size.value >= room, "metrics:", r, size.value)
        room = size.value + 1


# ------------------------------------------------------------ Prometheus

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\+Inf)$")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def labels_of(text):
    """{name: value} of what is between the braces."""
    found, at = {}, 0
    while True:
        m = LABEL.match(text, at)
        check(m, "labels:", text[at:])
        check(m.group(1) not in found, "a label twice:", text)
        found[m.group(1)] = re.sub(
            r"\\.", lambda e: ESCAPES[e.group(0)], m.group(2))
        at = m.end()
        if at == len(text):
            return found
        check(text[at] == ",", "labels:", text[at:])
        at += 1


def sample(line):
    name = NAME.match(line)
    check(name, "a line without a name:", line)
    rest = line[name.end():]
    check(rest.startswith("{"), "no labels:", line)
    # The value has no brace in it.
    inside, value = rest[1:].rsplit("} ", 1)
    check(NUMBER.match(value), "value:", line)
    return name.group(0), labels_of(inside), float(value)


def parse(text):
    """{metric: (type, [(name, labels, value)])}; each metric in one piece,
    its help and type before its samples."""
    check(text.endswith("\n"), "the last line does not end")
    metrics, helped, now = {}, set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            check(name not in helped and name not in metrics, "twice:", line)
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name in helped and name not in metrics, "type:", line)
            check(kind in ("counter", "gauge", "histogram"), line)
            metrics[name], now = (kind, []), name
        else:
            name, labels, value = sample(line)
            base = name
            if now and metrics[now][0] == "histogram":
                base = re.sub(r"_(bucket|sum|count)$", "", name)
            check(base == now, "not with its metric:", line)
            check(not any(s[0] == name and s[1] == labels
                          for s in metrics[now][1]), "twice:", line)
            metrics[now][1].append((name, labels, value))
    check(set(metrics) == helped, "help without type")
    return metrics


def histograms(metrics, name):
    """{method: (count, sum, [(le, n)])}, held to the format's rules."""
    found = {}
    for sample_name, labels, value in metrics[name][1]:
        h = found.setdefault(labels["method"], {"buckets": []})
        if sample_name.endswith("_bucket"):
            h["buckets"].append((float(labels["le"]), value))
        else:
            h[sample_name[len(name) + 1:]] = value
    for h in found.values():
        edges = [e for e, _ in h["buckets"]]
        counts = [n for _, n in h["buckets"]]
        check(edges == sorted(set(edges)), "edges do not ascend", edges)
        check(counts == sorted(counts), "not cumulated", counts)
        check(edges[-1] == float("inf") and counts[-1] == h["count"],
              "+Inf is not the count")
        check(edges[0] < 1.1e-6 and edges[-2] >= 3600, "edges", edges)
        check(all(n == int(n) for n in counts), "counts are not whole")
    return found


# ------------------------------------------------------------------ JSON

def no_constant(name):
    check(False, "JSON has", name)


def no_twice(pairs):
    check(len(dict(pairs)) == len(pairs), "a key twice:", pairs)
    return dict(pairs)


def load(data):
    return json.loads(data.decode("utf-8"), parse_constant=no_constant,
                      object_pairs_hook=no_twice)


# ------------------------------------------------------------- the context

class World:
    def __init__(self, lib):
        ref = ctypes.byref
        self.lib, self.gate = lib, threading.Event()
        self.inside = threading.Event()
        self.handler = HANDLER(self.handle)
        self.library, self.context = ctypes.c_uint64(), ctypes.c_uint64()
        options = pyapi.LibraryOptions(name=LIBRARY_NAME)
        options.struct_size = ctypes.sizeof(options)
        check(lib.ferry_library_open(ref(self.library), ref(options)) ==
              pyapi.OK, "library")
        for i, name in enumerate(NAMES):
            m = Method(ctypes.sizeof(Method), name=name, handler=self.handler)
            got = ctypes.c_uint32()
            check(lib.ferry_library_add_method(ref(got), self.library, ref(m))
                  == pyapi.OK and got.value == i, "method", name)
        options = pyapi.ContextOptions(library=self.library.value)
        options.struct_size = ctypes.sizeof(options)
        check(lib.ferry_context_open(ref(self.context), ref(options)) ==
              pyapi.OK, "open")

    def handle(self, _call, data, size, _state):
        if size == 1:
            self.inside.set()
            self.gate.wait()
        return 0 if size != 2 else 5

    def run(self, method, size=0, cancel=False):
        request, reply = ctypes.c_uint64(), ctypes.create_string_buffer(64)
        r = self.lib.ferry_request_submit(
            ctypes.byref(request), self.context, method, b"xx", size, None)
        check(r == pyapi.OK, "submit", r)
        if cancel:
            check(self.lib.ferry_request_cancel(request) == pyapi.OK, "cancel")
        if size != 1:
            self.take(request)
        return request

    def take(self, request):
        reply = ctypes.create_string_buffer(64)
        check(self.lib.ferry_request_wait(reply, request,
                                          ctypes.c_uint64(-1 & (1 << 64) - 1))
              == pyapi.OK, "wait")

    def struct(self, function, kind):
        out = kind()
        out.struct_size = ctypes.sizeof(out)
        check(getattr(self.lib, function)(ctypes.byref(out), self.context) ==
              pyapi.OK, function)
        return {f: getattr(out, f) for f, _ in kind._fields_[1:]}

    def close(self):
        check(self.lib.ferry_context_close(self.context, None, None) ==
              pyapi.OK, "close")
        check(self.lib.ferry_library_close(self.library) == pyapi.OK, "close")


# What the text calls each field of the structs.
def metric_names():
    names = {}
    for f in header_struct("ferry_counters"):
        kind = "" if f in ("queued", "running", "handles_open") else "_total"
        names[f] = "ferry_" + {
            "late_replies": "replies_late", "discarded": "replies_discarded",
            "wakes": "submit_wakes", "handles_open": "handles_open",
            "parks": "worker_parks", "observer_gaps": "worker_observer_gaps",
            "threads_lost": "worker_threads_lost"}.get(
                f, f if f.startswith(("events_", "stall_"))
                else "requests_" + f) + kind
    return names


def at_rest(world, counters, strands):
    """Both formats and both functions, at a moment when nothing moved. What a
    call took is noted when it has been answered, so that the thread sleeps."""
    while True:
        before = world.struct("ferry_context_counters", counters)
        health = world.struct("ferry_context_health", Health)
        text = parse(read(world.lib, world.context, TEXT).decode("utf-8"))
        data = load(read(world.lib, world.context, JSON))
        ended = world.struct("ferry_strand_counters", strands)
        if health["worker"] == IDLE and \
                before == world.struct("ferry_context_counters", counters) \
                and before["queued"] + before["running"] == 0:
            return before, ended, text, data


def shown(name):
    """As UTF-8 that may be read: each byte that is none is \\xNN, and so is the
    backslash of a name that has that by itself."""
    out, rest = "", re.sub(rb"\\(?=x[0-9a-f]{2})", rb"\\x5c", name)
    while rest:
        for n in (1, 2, 3, 4):
            try:
                out += rest[:n].decode("utf-8")
                rest = rest[n:]
                break
            except UnicodeDecodeError:
                continue
        else:
            out, rest = out + "\\x%02x" % rest[0], rest[1:]
    return out


def compare(world, made):
    check(len({shown(name) for name in NAMES}) == len(NAMES), "names")
    counters = counters_type("ferry_counters")
    strands = counters_type("ferry_strands")
    n, s, text, data = at_rest(world, counters, strands)
    check(data["counters"] == n, "JSON's counters", data["counters"], n)
    check(data["strands"] == s, "JSON's strands", data["strands"], s)
    check(n["submitted"] == sum(made) and n["unstarted_canceled"] == 1,
          "counters", n)
    names = metric_names()
    for field, value in n.items():
        kind, samples = text[names[field]]
        check(kind == ("counter" if names[field].endswith("_total")
                       else "gauge"), names[field], kind)
        check([x[2] for x in samples] == [value], names[field], samples)
    for field, value in s.items():
        name = {"active": "strands_active", "peak": "strands_peak",
                "stack_size": "strand_stack_bytes",
                "stack_touched": "strand_stack_touched_bytes"}.get(
                    field, "strands_%s_total" % field)
        check(text["ferry_" + name][1][0][2] == value, field)
    for _, samples in text.values():
        for _, labels, _ in samples:
            check(labels["context"] == str(world.context.value) ==
                  data["context"], labels)
            check(labels["library"] == shown(LIBRARY_NAME) ==
                  data["library"], labels)
    check(data["ledger"]["total"] == sum(data["ledger"]["levels"].values()),
          "ledger", data["ledger"])
    check([x[2] for x in text["ferry_slow_calls_total"][1]] ==
          list(data["ledger"]["levels"].values()), "levels")
    times(text, data, made)


def times(text, data, made):
    wait = histograms(text, "ferry_request_wait_seconds")
    run = histograms(text, "ferry_request_run_seconds")
    check(len(data["methods"]) == len(wait) == len(NAMES), "as many", wait)
    check(set(wait) == set(run) == {m["name"] for m in data["methods"]},
          "methods", set(wait), set(run))
    for m in data["methods"]:
        check(m["name"] == shown(NAMES[m["id"]]), m["name"], NAMES[m["id"]])
        for key, h in (("wait", wait[m["name"]]), ("run", run[m["name"]])):
            j = m[key]
            check(j["count"] == h["count"] == j["buckets"][-1][1], j, h)
            check(abs(j["sum_ns"] / 1e9 - h["sum"]) < 1e-9, j, h)
            check([(e / 1e9, c) for e, c in j["buckets"][:-1]] ==
                  h["buckets"][:-1], j, h)
            check(j["p50_ns"] <= j["p90_ns"] <= j["p99_ns"] <= j["p999_ns"]
                  <= j["max_ns"], j)
            check(j["p50_ns"] * j["count"] <= 2.2 * j["sum_ns"] + 1, j)
        check(m["wait"]["count"] % 64 == 0, m["wait"]["count"])
    # This thread's requests alone: of each 64 in a row one was timed.
    total = sum(m["wait"]["count"] for m in data["methods"])
    check(abs(total - sum(made)) <= 64, "waits", total, made)


def main():
    lib = ctypes.CDLL(pyapi.LIBRARY)
    pyapi.bind(lib, {name: args for name, args in pyapi.declared().items()
                     if hasattr(lib, name)})
    world = World(lib)
    made = [0] * len(NAMES)
    compare_empty(world)
    for round_ in range(64):
        for method in range(len(NAMES)):
            for _ in range(5):
                world.run(method, 2 if round_ % 7 == 0 else 0)
                made[method] += 1
    held = world.run(0, 1)
    world.inside.wait()
    world.run(1, 0, cancel=True)
    made[0] += 1
    made[1] += 1
    world.gate.set()
    world.take(held)
    compare(world, made)
    world.close()
    print("%d requests" % sum(made))


def compare_empty(world):
    """Before anything ran: whole, and without histograms."""
    text = parse(read(world.lib, world.context, TEXT).decode("utf-8"))
    data = load(read(world.lib, world.context, JSON))
    check(data["methods"] == [] and data["counters"]["submitted"] == 0, data)
    check(text["ferry_request_run_seconds"] == ("histogram", []), "empty")


if __name__ == "__main__":
    main()

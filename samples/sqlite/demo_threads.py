"""The demo's half in C++, demo_threads.cc, for its half in Python."""

import ctypes
import os

_lib = ctypes.CDLL(os.path.join(
    os.path.dirname(os.environ["FERRY_SQLITE_LIBRARY"]), "libdemo_threads.so"))
_lib.demo_threads_waiting.restype = ctypes.c_uint64


class Report(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "asked", "once", "never", "twice", "failed", "wrong", "written")]


class View(ctypes.Structure):
    """What can be seen of an open library from outside."""

    _fields_ = [(name, ctypes.c_uint64) for name in (
        "thread", "busy", "age_ns", "queued", "running", "strands_spawned",
        "strands_completed", "strands_peak")]


def _check(status):
    if status:
        raise OSError("%d by Ferry's header" % status)


def _token(opened):
    """Of a database: what it is known by in all of the process."""
    return ctypes.c_uint64(opened.context.token)


def look(opened):
    """What it does now; waits for nobody."""
    view = View()
    _check(_lib.demo_look(ctypes.byref(view), _token(opened)))
    return view


def watch_signal(number):
    """The watchdog may stop a thread that runs for a moment, by this signal,
    to see where it is."""
    _check(_lib.demo_watch_signal(number))


def watch_file(opened, path):
    """Reports are written into a file too, again while a stall goes on."""
    _check(_lib.demo_watch_file(_token(opened), os.fsencode(path)))


class Threads:
    """Four C++ threads that use a database of Python's."""

    def __init__(self, db, requests):
        self._threads = ctypes.c_void_p()
        _check(_lib.demo_threads_start(
            ctypes.byref(self._threads), _token(db),
            ctypes.c_uint32(requests)))

    def waiting(self):
        return _lib.demo_threads_waiting(self._threads)

    def join(self):
        """Blocks until they are done."""
        report = Report()
        _lib.demo_threads_join(ctypes.byref(report), self._threads)
        return report

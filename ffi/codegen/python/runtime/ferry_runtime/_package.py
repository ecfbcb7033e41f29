"""Packages: a library's shim, loaded and held against what is expected."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_size_t, c_void_p
from dataclasses import dataclass, fields
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple, Type

from . import _given, _inbox, _thread
from ._blocking import BlockingContext
from ._c import (CLOSE_ABANDON, PACKAGE_FORMAT, ContextOptions,
                 Levels, PackageTable, copy, lib)
from ._context import Context
from ._errors import Errors, LibraryError, LoadError, text_of
from ._version import VERSION, __version__

_TEXT = 1024


class Layout(NamedTuple):
    """How the library's compiler has laid out a record."""

    size: int
    align: int
    fields: Dict[str, Tuple[int, int]]  #: by C's names: offset, size


class Function(NamedTuple):
    """What a function of the library is called by."""

    kind: int   #: CONSTRUCTOR, METHOD, DIRECT, EVENT
    root: int   #: the index of the root whose it is; -1: none
    id: int


@dataclass
class OpenOptions:
    """How a context is opened; what is 0 or None is as Ferry has it."""

    worker_key: Optional[str] = None    #: contexts of one key share a thread
    thread_name: Optional[str] = None
    stack_size: int = 0
    depth: int = 0          #: calls that a thread may have unfinished
    depth_total: int = 0    #: calls of all threads
    payload_max: int = 0    #: bytes of a call's arguments
    event_policy: int = 0
    event_capacity: int = 0
    slow_ms: int = 0
    stalled_ms: int = 0
    wedged_ms: int = 0
    fatal_ms: int = 0
    notify_level: int = 0
    strands: int = 0
    strand_stack: int = 0
    strand_memory: int = 0

    def _to_c(self, timeout: Optional[float]) -> ContextOptions:
        timeout = _given.seconds(timeout)
        for field in fields(self):
            if field.default == 0:
                c = getattr(ContextOptions, field.name, Levels.slow_ms)
                _given.whole(getattr(self, field.name), field.name, 8 * c.size)
        return ContextOptions(
            worker_key=_encoded(self.worker_key, "worker_key"),
            thread_name=_encoded(self.thread_name, "thread_name"),
            stack_size=self.stack_size,
            timeout_ms=(0 if timeout is None
                        else max(1, int(timeout * 1000))),
            depth=self.depth, depth_total=self.depth_total,
            payload_max=self.payload_max, event_policy=self.event_policy,
            event_capacity=self.event_capacity,
            levels=Levels(self.slow_ms, self.stalled_ms, self.wedged_ms,
                          self.fatal_ms),
            notify_level=self.notify_level, strands=self.strands,
            strand_stack=self.strand_stack, strand_memory=self.strand_memory)


def _encoded(text: Optional[str], name: str) -> Optional[bytes]:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("%s: %r is no str" % (name, text))
    if "\0" in text:
        raise ValueError("%s: %r has a zero in it" % (name, text))
    return text.encode()


class Package:
    """A loaded library; made by load()."""

    def __init__(self, table: PackageTable, path: str,
                 errors: Errors) -> None:
        self._table = table
        self.path = path
        self.errors = errors
        self.name: str = table.name.decode()
        self.version: str = table.version.decode()
        self.roots: List[str] = [
            table.roots[i].decode() for i in range(table.n_roots)]
        self._functions: Dict[str, Function] = {}
        self._hashes: Dict[str, int] = {}
        for f in table.functions[:table.n_functions]:
            name = f.name.decode()
            self._functions[name] = Function(
                f.kind, -1 if f.root == 2 ** 32 - 1 else f.root, f.id)
            self._hashes[name] = f.hash
        self._layouts: Dict[str, Layout] = {}
        self._record_hashes: Dict[str, int] = {}
        for r in table.records[:table.n_records]:
            name = r.name.decode()
            self._record_hashes[name] = r.hash
            self._layouts[name] = Layout(r.size, r.align, {
                f.name.decode(): (f.offset, f.size)
                for f in r.fields[:r.n_fields]})

    @property
    def model(self) -> str:
        """The model, as JSON."""
        return copy(self._table.model, self._table.model_size).decode()

    def layout(self, record: str) -> Layout:
        """Of a record, a variant, or a function's "echo.in" or "echo.out"."""
        return self._layouts[record]

    def function(self, name: str) -> Function:
        """Of a function or event, by the model's name."""
        return self._functions[name]

    def root(self, name: str) -> int:
        """The index of a root object."""
        return self.roots.index(name)

    def call(self, name: str, block: bytes = b"", *,
             errors: Optional[Errors] = None) -> Optional[bytes]:
        """Calls a function that needs no context, here and now."""
        out, size = c_void_p(), c_size_t()
        r = self._table.call(byref(out), byref(size),
                             self._functions[name].id, block, len(block))
        data = None
        if out.value:
            data = copy(out.value, size.value)
            lib.block_release(out)
        if r:
            raise (errors or self.errors).make(r, text_of(data or b""))
        return data

    def open_token(self, root: int, constructor: int, block: bytes = b"", *,
                   options: Optional[OpenOptions] = None,
                   timeout: Optional[float] = None,
                   errors: Optional[Errors] = None) -> int:
        """Opens a context, and tells its token. Blocks."""
        text = ctypes.create_string_buffer(_TEXT)
        token = ctypes.c_uint64()
        if not isinstance(options, (OpenOptions, type(None))):
            raise TypeError("options: %r is no OpenOptions" % (options,))
        raw = (options or OpenOptions())._to_c(timeout)
        r = self._table.open(byref(token), root, constructor, block or None,
                             len(block), byref(raw), text, _TEXT)
        if r:
            raise (errors or self.errors).make(r, text_of(text.raw))
        return token.value

    async def open(self, root: int, constructor: int, block: bytes = b"", *,
                   options: Optional[OpenOptions] = None,
                   timeout: Optional[float] = None,
                   errors: Optional[Errors] = None) -> Context:
        """Opens a context on a root object, for asyncio. After `timeout`
        seconds TimedOutError is raised, and what opens later is closed."""
        _inbox.sweep()
        _thread.reaper.prepare()
        return await _thread.run(lambda: Context(self, self.open_token(
            root, constructor, block, options=options, timeout=timeout,
            errors=errors)), lambda context: context._close(
                CLOSE_ABANDON, None))

    def open_blocking(self, root: int, constructor: int, block: bytes = b"",
                      *, options: Optional[OpenOptions] = None,
                      timeout: Optional[float] = None,
                      errors: Optional[Errors] = None) -> BlockingContext:
        """The same, for threads that wait."""
        _thread.reaper.prepare()
        return BlockingContext(self, self.open_token(
            root, constructor, block, options=options, timeout=timeout,
            errors=errors))


def _expect(package: Package, functions: Mapping[str, int],
            records: Mapping[str, int]) -> None:
    for what, wanted, found in (
            ("function", functions, package._hashes),
            ("record", records, package._record_hashes)):
        for name, expected in wanted.items():
            if name not in found:
                raise LoadError("%s: %s has no %s `%s`" % (
                    package.name, package.path, what, name))
            if found[name] != expected:
                raise LoadError(
                    "%s: %s `%s` is another one than this package was made "
                    "for: generate the package again, or load the library of "
                    "its version (this one says %s)" % (
                        package.name, what, name, package.version))


def _table(path: str, name: str) -> PackageTable:
    """The table of the shim at a path, if it can be read at all."""
    try:
        # The loader must find libferry in the process, not by its own path;
        # and what the library exports is for nobody else.
        dll = ctypes.CDLL(path, mode=os.RTLD_LOCAL | os.RTLD_NOW)
    except OSError as error:
        raise LoadError("%s: %s" % (name, error), path=path) from error
    function = None
    for symbol in (name + "_ferry", "ferry_package_here"):
        if hasattr(dll, symbol):
            function = getattr(dll, symbol)
            break
    if function is None:
        raise LoadError("%s: %s is no library made by `ferry gen`" % (
            name, path), path=path)
    function.argtypes = []
    function.restype = c_void_p
    table = PackageTable.from_address(function())
    found = table.name.decode() if table.format == PACKAGE_FORMAT else None
    if found is None:
        raise LoadError("%s: %s is of format %d, and this ferry-runtime (%s) "
                        "reads %d" % (name, path, table.format, __version__,
                                      PACKAGE_FORMAT), path=path)
    if lib.abi_check(table.abi) != 0:
        raise LoadError("%s: %s is for ABI %d of libferry, which version %d "
                        "does not serve" % (name, path, table.abi,
                                            lib.version()), path=path)
    if found != name:
        raise LoadError("%s: %s is the library `%s`" % (name, path, found),
                        path=path)
    # The table is in the library.
    table._library = dll
    return table


def load(path: str, name: str, *, functions: Mapping[str, int] = {},
         records: Mapping[str, int] = {},
         errors: Mapping[int, Type[BaseException]] = {},
         base: Type[BaseException] = LibraryError,
         requires: Tuple[int, int] = (0, 0)) -> Package:
    """Loads the library of a package, whose name it must have.

    `functions` and `records` have the model's hashes of those that the package
    was made for. A positive status becomes an exception of `errors`, or of
    `base`, made of the status and a text. `requires` is the oldest version of
    ferry_runtime that will do. Raises LoadError, an ImportError, which says
    what is wrong by name.
    """
    if requires > VERSION[:2]:
        raise LoadError(
            "%s needs ferry-runtime %d.%d or newer, and this is %s: "
            "pip install --upgrade ferry-runtime" % (
                name, requires[0], requires[1], __version__), path=path)
    package = Package(_table(path, name), path, Errors(errors, base))
    _expect(package, functions, records)
    return package

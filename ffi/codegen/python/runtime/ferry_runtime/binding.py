"""What generated packages are built of: calls, roots and how they are opened.

A package's classes say what a library offers; how a call is made is here.
"""

from __future__ import annotations

from types import TracebackType
from typing import (
    Any, Callable, Coroutine, Generator, Generic, Optional, Sequence, Tuple,
    Type, TypeVar)

from . import (
    BlockingContext, CloseMode, ClosedError, Context, Errors, Handle, Package,
    StaleError, Unfinished)
from . import _given
from ._codec_samples import of_fields
from .codec import Codec, Field

T = TypeVar("T")
R = TypeVar("R", bound="Root")
B = TypeVar("B", bound="BlockingRoot")


def no_results(data: bytes) -> None:
    return None


def empty(make: Callable[[], T]) -> Callable[[bytes], T]:
    """For an event that says nothing but that it has happened."""
    def decode(data: bytes) -> T:
        return make()
    return decode


def values(*each: Any) -> Tuple[Any, ...]:
    return each


class Call:
    """A function or event of the library: its number, and how its arguments
    become a block and a block its results.

    encode() and decode() are written when they are first asked for; by several
    threads, if they come at a time: none of them finds what is half done.
    """

    __slots__ = ("name", "id", "encode", "decode", "fields", "results",
                 "_make", "_package", "_codec")

    encode: Callable[..., bytes]
    decode: Callable[[bytes], Any]

    def __init__(self, package: Package, codec: Codec, name: str,
                 fields: Sequence[Field] = (), results: Sequence[Field] = (),
                 make: Optional[Callable[..., Any]] = None) -> None:
        self.name = name
        self.id = package.function(name).id
        self.fields = tuple(fields)
        self.results = tuple(results)
        self._make = make
        self._package = package
        self._codec = codec

    def __getattr__(self, name: str) -> Any:
        made: Callable[..., Any]
        if name == "encode":
            made = bytes    # of nothing: none
            if self.fields:
                made = self._codec.encoder(
                    self.name + ".in", self._where(), *self.fields)
        elif name == "decode":
            made = no_results
            if self._make is not None:
                made = empty(self._make)
            if self.results:
                made = self._codec.decoder(
                    self.name + ".out", self._where(), self._make,
                    *self.results)
        else:
            raise AttributeError(name)
        setattr(self, name, made)
        return made

    def _where(self) -> str:
        # A root that is called like its library is not said twice.
        root = self._package.name + "."
        return self.name[len(root):] if self.name.startswith(root) \
            else self.name

    def check(self) -> int:
        """Whether what is encoded is what is decoded, for samples of the
        arguments and results: how many were tried. For tests."""
        n = 0
        for fields, suffix in ((self.fields, ".in"), (self.results, ".out")):
            if not fields:
                continue
            encode = self._codec.encoder(
                self.name + suffix, self.name, *fields)
            decode = self._codec.decoder(
                self.name + suffix, self.name, values, *fields)
            for each in of_fields(fields, self._codec):
                if decode(encode(*each)) != tuple(each):
                    raise AssertionError("%s: %r" % (self.name, each))
                n += 1
        return n

    def here(self, *arguments: Any, errors: Optional[Errors] = None) -> Any:
        """Calls a function that needs no object, here and now."""
        return self.decode(self._package.call(
            self.name, self.encode(*arguments), errors=errors) or b"")


def keep(decode: Callable[[bytes], T], *objects: Any) -> Callable[[bytes], T]:
    """Keeps the handles of a call until it has returned."""
    def decode_and_drop(data: bytes, _: Any = objects) -> T:
        return decode(data)
    return decode_and_drop


class Opening(Generic[T]):
    """`zoo = await Zoo.open()`, or `async with Zoo.open() as zoo:`"""

    def __init__(self, opening: Coroutine[Any, Any, T]) -> None:
        self._opening = opening
        self._made: Any = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._opening.__await__()

    async def __aenter__(self) -> T:
        self._made = made = await self._opening
        return made

    async def __aexit__(self, kind: Optional[Type[BaseException]],
                        error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self._made.__aexit__(kind, error, trace)


class _Shown(_given.Unique):
    """What roots look like."""

    @property
    def closed(self) -> bool:
        raise NotImplementedError

    def __repr__(self) -> str:
        return "<%s.%s, %s>" % (
            type(self).__module__, type(self).__qualname__,
            "closed" if self.closed else "open")


class Root(_Shown):
    """A root object on asyncio loops. Who opens it closes it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def context(self) -> Context:
        """Ferry's view of it: counters, what the watchdog says."""
        return self._context

    @property
    def closed(self) -> bool:
        return self._context.closed

    async def close(self, mode: int = CloseMode.DRAIN,
                    timeout: Optional[float] = None) -> Optional[Unfinished]:
        """Closes it; what it gave is gone then. After `timeout` seconds what
        has not ended is left behind, and told of."""
        return await self._context.close(mode, timeout)

    async def __aenter__(self: R) -> R:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]],
                        error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self._context.__aexit__(kind, error, trace)


class BlockingRoot(_Shown):
    """A root object for threads that wait. Who opens it closes it."""

    def __init__(self, context: BlockingContext) -> None:
        self._context = context

    @property
    def context(self) -> BlockingContext:
        """Ferry's view of it: counters, what the watchdog says."""
        return self._context

    @property
    def closed(self) -> bool:
        return self._context.closed

    def close(self, mode: int = CloseMode.DRAIN,
              timeout: Optional[float] = None) -> Optional[Unfinished]:
        """Closes it; what it gave is gone then. After `timeout` seconds what
        has not ended is left behind, and told of."""
        return self._context.close(mode, timeout)

    def __enter__(self: B) -> B:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._context.__exit__(kind, error, trace)


async def open_root(make: Callable[[Context], T], package: Package,
                    call: Call, block: bytes, **options: Any) -> T:
    return make(await package.open(
        package.function(call.name).root, call.id, block, **options))


def open_blocking(make: Callable[[BlockingContext], T], package: Package,
                  call: Call, block: bytes, **options: Any) -> T:
    return make(package.open_blocking(
        package.function(call.name).root, call.id, block, **options))


# The finalizer stays until the object is gone: whatever becomes of the call,
# nothing is left behind. One that was closed before, or with its root, is
# closed.

async def close(handle: Handle, call: Call, timeout: Optional[float],
                lane: int) -> None:
    if not handle.closed:
        try:
            await handle.context.request(
                call.id, call.encode(handle), keep(call.decode, handle),
                timeout=timeout, lane=lane)
        except (ClosedError, StaleError):
            pass
        handle.take()


def close_blocking(handle: Handle, call: Call, timeout: Optional[float],
                   lane: int) -> None:
    if not handle.closed:
        try:
            handle.context.request(
                call.id, call.encode(handle), keep(call.decode, handle),
                timeout=timeout, lane=lane)
        except (ClosedError, StaleError):
            pass
        handle.take()

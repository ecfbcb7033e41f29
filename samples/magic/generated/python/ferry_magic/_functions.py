"""What needs no object: called here and now, on the caller's thread."""

from __future__ import annotations


from . import _library
from .types import What


def version() -> int:
    """Of libmagic, 540 for 5.40."""
    result: int = _library.call_version.here()
    return result

"""What needs no object: called here and now, on the caller's thread."""

from __future__ import annotations

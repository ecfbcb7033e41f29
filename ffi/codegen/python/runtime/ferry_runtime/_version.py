"""The version of this package, which is that of the libferry in it."""

from __future__ import annotations

VERSION = (0, 1, 0)
__version__ = "%d.%d.%d" % VERSION

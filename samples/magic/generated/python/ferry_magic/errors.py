"""What magic may fail with.

Ferry's own errors are those of ferry_runtime.
"""

from ferry_runtime import LibraryError


class MagicError(LibraryError):
    """A failure that magic tells of: .code, and as a text why."""

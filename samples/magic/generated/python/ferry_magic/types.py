"""What magic's values are in Python."""

from __future__ import annotations

import enum


class What(enum.IntFlag):
    """What is told of a file."""

    #: For people.
    TEXT = 0
    #: image/png
    TYPE = 16
    CHARSET = 1024
    EXTENSIONS = 16777216
    #: Follows symbolic links.
    LINKS = 2
    #: Looks into archives.
    ARCHIVES = 4

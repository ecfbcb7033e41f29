"""Builds the wheel of this folder: PEP 517, with the standard library alone.

    python3 build_wheel.py FOLDER [LIBFERRY]

The libferry that goes into it is that argument, or the environment's
FERRY_LIBRARY, or ferry_runtime/libferry.so.0. The same files give the same
bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import sysconfig
import zipfile
from typing import Any, Dict, List, Optional, Tuple

NAME, PACKAGE = "ferry-runtime", "ferry_runtime"
HERE = os.path.dirname(os.path.abspath(__file__))

METADATA = """\
Metadata-Version: 2.1
Name: %s
Version: %s
Summary: What the Python packages that `ferry gen` writes stand on
License: MIT
Requires-Python: >=3.9
Classifier: Operating System :: POSIX :: Linux
Classifier: Typing :: Typed
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: ferry
Root-Is-Purelib: false
Tag: %s
"""


def version() -> str:
    """Of the package, which says it once, in Python."""
    with open(os.path.join(HERE, PACKAGE, "_version.py"),
              encoding="utf-8") as f:
        found = re.search(r"^VERSION = \((\d+), (\d+), (\d+)\)$", f.read(),
                          re.M)
    if not found:
        raise SystemExit("%s/_version.py: no VERSION" % PACKAGE)
    return ".".join(found.groups())


def library() -> str:
    """The libferry that goes into the wheel."""
    path = os.environ.get("FERRY_LIBRARY") or os.path.join(
        HERE, PACKAGE, "libferry.so.0")
    if not os.path.exists(path):
        raise SystemExit("%s is missing: name a libferry.so by the "
                         "environment's FERRY_LIBRARY" % path)
    return path


def files() -> List[Tuple[str, bytes]]:
    """What is in the package: names in the wheel, contents."""
    folder, found = os.path.join(HERE, PACKAGE), []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py") or name == "py.typed":
            with open(os.path.join(folder, name), "rb") as f:
                found.append(("%s/%s" % (PACKAGE, name), f.read()))
    with open(library(), "rb") as f:
        found.append((PACKAGE + "/libferry.so.0", f.read()))
    return found


def record(entries: List[Tuple[str, bytes]], own: str) -> bytes:
    """The list of all files, with their sums."""
    lines = []
    for name, data in entries:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        lines.append("%s,sha256=%s,%d" % (
            name, digest.decode().rstrip("="), len(data)))
    return ("\n".join(lines + [own + ",,", ""])).encode()


def build_wheel(wheel_directory: str,
                config_settings: Optional[Dict[str, Any]] = None,
                metadata_directory: Optional[str] = None) -> str:
    """PEP 517's: returns the wheel's name."""
    tag = "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())
    info = "%s-%s.dist-info/" % (PACKAGE, version())
    entries = files() + [
        (info + "METADATA", (METADATA % (NAME, version())).encode()),
        (info + "WHEEL", (WHEEL % tag).encode())]
    entries.append((info + "RECORD", record(entries, info + "RECORD")))
    wheel = "%s-%s-%s.whl" % (PACKAGE, version(), tag)
    os.makedirs(wheel_directory, exist_ok=True)
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w",
                         zipfile.ZIP_DEFLATED) as out:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            mode = 0o755 if name.endswith(".so.0") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, data)
    return wheel


if __name__ == "__main__":
    if len(sys.argv) > 2:
        os.environ["FERRY_LIBRARY"] = sys.argv[2]
    print(build_wheel(sys.argv[1]))

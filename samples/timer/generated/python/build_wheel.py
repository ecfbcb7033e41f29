"""Builds the wheel of ferry_timer: PEP 517, with Python's own library alone.

    python3 build_wheel.py FOLDER [libtimer.so]

The library that goes into it is that argument, or the environment's
FERRY_TIMER_LIBRARY, or ferry_timer/libtimer.so. The same files give
the same bytes.
"""

import base64
import hashlib
import os
import sys
import sysconfig
import zipfile

PACKAGE, VERSION = "ferry_timer", "1.0"
LIBRARY, ENVIRONMENT = "libtimer.so", "FERRY_TIMER_LIBRARY"
HERE = os.path.dirname(os.path.abspath(__file__))

METADATA = """\
Metadata-Version: 2.1
Name: ferry-timer
Version: 1.0
Summary: timer, for Python
Requires-Python: >=3.9
Requires-Dist: ferry-runtime>=0.1
Classifier: Typing :: Typed
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: ferry
Root-Is-Purelib: false
Tag: %s
"""


def files():
    """What is in the package: names in the wheel, contents."""
    folder = os.path.join(HERE, PACKAGE)
    paths = {name: os.path.join(folder, name) for name in os.listdir(folder)
             if name.endswith(".py") or name == "py.typed"}
    paths[LIBRARY] = os.environ.get(ENVIRONMENT) or os.path.join(
        folder, LIBRARY)
    if not os.path.exists(paths[LIBRARY]):
        raise SystemExit("%s is missing: name it by the environment's %s" % (
            paths[LIBRARY], ENVIRONMENT))
    found = []
    for name, path in sorted(paths.items()):
        with open(path, "rb") as f:
            found.append(("%s/%s" % (PACKAGE, name), f.read()))
    return found


def record(entries, own):
    """The list of all files, with their sums."""
    lines = []
    for name, data in entries:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        lines.append("%s,sha256=%s,%d" % (
            name, digest.decode().rstrip("="), len(data)))
    return ("\n".join(lines + [own + ",,", ""])).encode()


def build_wheel(wheel_directory, config_settings=None,
                metadata_directory=None):
    """PEP 517's: returns the wheel's name."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = "py3-none-" + platform
    info = "%s-%s.dist-info/" % (PACKAGE, VERSION)
    entries = files() + [
        (info + "METADATA", METADATA.encode()),
        (info + "WHEEL", (WHEEL % tag).encode())]
    entries.append((info + "RECORD", record(entries, info + "RECORD")))
    wheel = "%s-%s-%s.whl" % (PACKAGE, VERSION, tag)
    os.makedirs(wheel_directory, exist_ok=True)
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as out:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            mode = 0o755 if name.endswith(".so") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, data)
    return wheel


if __name__ == "__main__":
    if len(sys.argv) > 2:
        os.environ[ENVIRONMENT] = sys.argv[2]
    print(build_wheel(sys.argv[1]))

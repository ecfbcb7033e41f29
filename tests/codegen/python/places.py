"""Where the generated packages of the zoo, the ark and the twins are, and what
they load. package.mk builds them."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = ROOT / os.environ.get("O", "build")
RUNTIME = ROOT / "ffi/codegen/python/runtime"


def package(name):
    """The folder that a package was generated to."""
    return BUILD / "tests/codegen/python" / name / "python"


def library(name):
    return BUILD / "tests/codegen" / name / ("lib%s.so" % name)


NAMES = ("zoo", "ark", "twins")

os.environ.setdefault("FERRY_LIBRARY", str(BUILD / "libferry.so"))
for _name in NAMES:
    os.environ.setdefault("FERRY_%s_LIBRARY" % _name.upper(),
                          str(library(_name)))
sys.dont_write_bytecode = True
for _folder in [RUNTIME] + [package(name) for name in NAMES]:
    sys.path.insert(0, str(_folder))

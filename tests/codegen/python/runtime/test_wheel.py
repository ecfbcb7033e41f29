#!/usr/bin/env python3
"""The wheel: built by Python alone, installed where there is nothing else.

T_LIMIT=180: pip takes its time."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile

import rt
from rt import fr

SOURCE = os.path.join(rt.ROOT, "ffi/codegen/python/runtime")
[WHEEL] = glob.glob(os.path.join(rt.BUILD, "wheels", "ferry_runtime-*.whl"))

USE = """
import asyncio, struct, sys
import ferry_runtime as fr
package = fr.load(sys.argv[1], "counter")
start = struct.pack("=II", 1, 0)
with package.open_blocking(0, 0, start) as c:
    assert c.request(0, b"x") == b"x"
async def body():
    async with await package.open(0, 0, start) as c:
        assert await c.request(0, b"x") == b"x"
asyncio.run(body())
with open("/proc/self/maps") as f:
    print({line.split()[-1] for line in f if "/libferry" in line})
"""

TYPED = """
import ferry_runtime as fr
async def use(context: fr.Context) -> int:
    text: bytes = await context.request(0, b"")
    number: int = await context.request(0, b"", len, timeout=1.0)
    async for event in context.events({0: len}):
        number += event
    return number + len(text)
def block(context: fr.BlockingContext) -> int:
    return context.request(0, b"", len)
"""


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120 * rt.SLOW, **more)
    assert done.returncode == 0, (command, done.stdout)
    return done.stdout


def bare():
    """An environment that says nothing of Ferry or Python."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("FERRY_", "PYTHON", "LD_"))}


def test_contents():
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        assert wheel.testzip() is None
        info = "ferry_runtime-%s.dist-info/" % fr.__version__
        tag = wheel.read(info + "WHEEL").decode()
        assert "Root-Is-Purelib: false" in tag and "Tag: py3-none-" in tag
        assert "Requires-Python: >=3.9" in wheel.read(
            info + "METADATA").decode()
    assert "ferry_runtime/libferry.so.0" in names
    assert "ferry_runtime/py.typed" in names
    for name in os.listdir(os.path.join(SOURCE, "ferry_runtime")):
        assert not name.endswith(".py") or "ferry_runtime/" + name in names
    assert "-any." not in WHEEL


def test_version():
    """It is libferry's."""
    number = [int(n) for n in fr.__version__.split(".")]
    from ferry_runtime import _c
    assert _c.lib.version() == (
        number[0] * 10000 + number[1] * 100 + number[2])


def test_same_bytes():
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-B", os.path.join(SOURCE, "build_wheel.py"),
            folder, os.path.join(rt.BUILD, "wheels", "libferry.so.0"))
        [again] = os.listdir(folder)
        with open(os.path.join(folder, again), "rb") as a, \
                open(WHEEL, "rb") as b:
            assert a.read() == b.read()


def test_installed():
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        run(python, "-m", "pip", "install", "-q", "--no-index", WHEEL,
            env=bare(), cwd=folder)
        loaded = eval(run(python, "-c", USE, rt.path("counter"), env=bare(),
                          cwd=folder))
        # One, and it is the wheel's, whatever the library was linked with.
        assert len(loaded) == 1, loaded
        assert loaded.pop().startswith(os.path.realpath(folder)), loaded
        installed = os.path.dirname(run(
            python, "-c", "import ferry_runtime as f; print(f.__file__)",
            env=bare(), cwd=folder).strip())
        os.unlink(os.path.join(installed, "libferry.so.0"))
        error = subprocess.run(
            [python, "-c", "import ferry_runtime"], env=bare(), cwd=folder,
            stderr=subprocess.PIPE, text=True)
        assert error.returncode and "is missing" in error.stderr
        run(python, "-c", "import ferry_runtime", cwd=folder, env=dict(
            bare(), FERRY_LIBRARY=os.path.join(rt.BUILD, "libferry.so")))


def test_pip_builds_it():
    """From the folder, by PEP 517, with nothing installed to build with."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "source")
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns(
            "__pycache__", ".mypy_cache"))
        shutil.copy(os.path.join(rt.BUILD, "wheels", "libferry.so.0"),
                    os.path.join(source, "ferry_runtime"))
        venv.create(os.path.join(folder, "venv"), with_pip=True)
        run(os.path.join(folder, "venv/bin/python"), "-m", "pip", "wheel",
            "-q", "--no-index", "-w", folder, source, env=bare(), cwd=folder)
        with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as a, \
                zipfile.ZipFile(WHEEL) as b:
            assert a.namelist() == b.namelist()


def test_types():
    """The hints are whole, and are found by who uses the package."""
    mypy = shutil.which("mypy")
    if mypy is None:
        print("note: no mypy, hints are not checked")
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "use.py"), "w") as f:
            f.write(TYPED)
        env = dict(os.environ, MYPYPATH=SOURCE, MYPY_CACHE_DIR=folder)
        for what in (["-p", "ferry_runtime"],
                     ["use.py", os.path.join(SOURCE, "build_wheel.py")]):
            run(mypy, "--strict", "--python-version", "3.9", *what,
                env=env, cwd=folder)
        with open(os.path.join(folder, "use.py"), "a") as f:
            f.write("def wrong(c: fr.Context) -> int:\n"
                    "    return c.request(0, b'')\n")
        done = subprocess.run(
            [mypy, "--strict", "--python-version", "3.9", "use.py"], env=env,
            cwd=folder, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "Request[bytes]" in done.stdout


if __name__ == "__main__":
    rt.main(globals())

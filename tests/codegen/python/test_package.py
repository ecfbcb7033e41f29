#!/usr/bin/env python3
"""The package as others meet it: type checkers, pip, a clean environment, and
headers whose names Python cannot take. T_LIMIT=200"""

import ast
import math
import os
import pathlib
import re
import runpy
import subprocess
import sys
import zipfile

import zoopkg
from zoopkg import GENERATED, LIBRARY, RUNTIME, TOOL, main, pytest

USER = '''\
import datetime
import ferry_zoo as z
from ferry_zoo import blocking

async def use() -> None:
    async with z.Zoo.open("x", cages=2, timeout=5) as zoo:
        reveal_type(await zoo.split("a"))
        reveal_type(await zoo.find("a", lane=3))
        reveal_type((await zoo.adopt("Leo")).name())
        async for noise in zoo.on_noise():
            reveal_type(noise.shape)
        await zoo.sum((1, 2))
    reveal_type(await z.Zoo.open("x"))
    zoo2 = blocking.Zoo.open("x")
    reveal_type(zoo2.split("a").words)
    reveal_type(zoo2.numbers_echo)
    reveal_type(zoo2.futures.split("a"))
    reveal_type(zoo2.futures.adopt("Leo").result().futures.name())
    reveal_type(zoo2.context.health().method)
    reveal_type(z.parse)
'''

REVEALED = [
    "Tuple[builtins.int, builtins.list[builtins.str], "
    "fallback=ferry_zoo.types.SplitResult]",
    "Union[builtins.str, None]",
    "ferry_runtime._inbox.Request[builtins.str]",
    "Union[None, builtins.float, builtins.list[ferry_zoo.types.Point], "
    "builtins.str]",
    "ferry_zoo._aio.Zoo",
    "builtins.list[builtins.str]",
    "def (in_: ferry_zoo.types.Numbers, *, timeout: "
    "Union[builtins.float, None] =, lane: builtins.int =) -> "
    "ferry_zoo.types.Numbers",
    "ferry_runtime._futures.Future[Tuple[builtins.int, "
    "builtins.list[builtins.str], fallback=ferry_zoo.types.SplitResult]]",
    "ferry_runtime._futures.Future[builtins.str]",
    "Union[builtins.str, None]",
    "def (text: builtins.str) -> builtins.int",
]

WRONG = '''\
import ferry_zoo as z

async def use(zoo: z.Zoo) -> None:
    await zoo.split(5)
    await zoo.split("a", by="b")
    await zoo.hold(5)
    await zoo.split("a", 44)
    z.Point("x")
    number: str = await zoo.sum([1])
'''


def mypy(*arguments, cwd):
    for python in (sys.executable, zoopkg.SYSTEM):
        if subprocess.run([python, "-m", "mypy", "--version"],
                          capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("mypy is missing")
    env = dict(os.environ, MYPYPATH="%s:%s" % (RUNTIME, GENERATED))
    return subprocess.run(
        [python, "-m", "mypy", "--strict", "--cache-dir", cwd / "cache",
         *arguments], capture_output=True, text=True, cwd=cwd,
        env=env).stdout.splitlines()


def test_type_hints(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(WRONG)
    said = mypy("-p", "ferry_zoo", cwd=tmp_path)
    assert said == ["Success: no issues found in 7 source files"]
    said = mypy(str(zoopkg.TWINS / "ferry_twins"), cwd=tmp_path)
    assert said == ["Success: no issues found in 7 source files"]
    said = mypy("user.py", cwd=tmp_path)
    assert [line.split('"')[1] for line in said
            if "Revealed" in line] == REVEALED
    assert said[-1] == "Success: no issues found in 1 source file"
    said = mypy("wrong.py", cwd=tmp_path)
    assert [line.split(":")[1] for line in said if ": error:" in line] == [
        str(n) for n in (4, 5, 6, 7, 8, 9)]


def test_the_oldest_python():
    """3.9's grammar; what it lacks at run time is not asked for."""
    paths = [*RUNTIME.glob("**/*.py"), *GENERATED.glob("**/*.py"),
             *zoopkg.TWINS.glob("**/*.py")]
    assert len(paths) > 30
    for path in paths:
        ast.parse(path.read_text(), str(path), feature_version=(3, 9))


def test_no_import_is_unused():
    for path in sorted(GENERATED.glob("ferry_zoo/*.py")):
        if path.name != "__init__.py":
            source = path.read_text()
            compile(source, str(path), "exec")
            for line in source.splitlines():
                if line.startswith("import "):
                    assert source.count(line.split()[-1]) > 1, (path, line)
            assert max(map(len, source.splitlines())) <= 80, path


@pytest.mark.parametrize("name", ["zoo", "twins", "ark"])
def test_the_tests_that_come_with_it(name):
    """Layouts, hashes, and every type of the package to a block and back."""
    folder = zoopkg.BUILD / "tests/codegen/python" / name / "python"
    env = dict(os.environ, PYTHONPATH="%s:%s" % (RUNTIME, folder), **{
        "FERRY_%s_LIBRARY" % name.upper(): str(
            zoopkg.BUILD / "tests/codegen" / name / ("lib%s.so" % name))})
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover",
         str(folder / "tests")], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Ran 4 tests" in done.stderr


CLEAN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent",
         "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1",
         "PYTHONDONTWRITEBYTECODE": "1"}

PROGRAM = """\
import asyncio, ferry_zoo, ferry_runtime
async def main():
    async with ferry_zoo.Zoo.open("x") as zoo:
        return await zoo.sum([1, 2])
print(asyncio.run(main()), ferry_zoo.__file__, ferry_runtime.__file__)
"""


def clean(*command, **more):
    done = subprocess.run(
        list(map(str, command)), env=dict(CLEAN, **more), text=True,
        capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_clean_environment(tmp_path):
    """Both wheels by pip, and the package's own tests of what is installed."""
    venv, wheels = tmp_path / "venv", tmp_path / "wheels"
    clean(sys.executable, "-m", "venv", venv)
    python = venv / "bin/python"
    pip = (python, "-m", "pip")
    # pip builds inside the folder that it is given.
    for folder in (RUNTIME, GENERATED):
        copy = tmp_path / folder.name
        clean("cp", "-r", folder, copy)
        clean(*pip, "wheel", "-q", "--no-deps", "-w", wheels, copy,
              FERRY_LIBRARY=os.environ["FERRY_LIBRARY"],
              FERRY_ZOO_LIBRARY=str(LIBRARY))
    wheel, = wheels.glob("ferry_zoo-1.2.0-py3-none-*.whl")
    assert "ferry_zoo/libzoo.so" in zipfile.ZipFile(wheel).namelist()
    clean(*pip, "install", "-q", "--find-links", wheels, "ferry-zoo")
    said = clean(python, "-m", "unittest", "discover", GENERATED / "tests")
    assert "Ran 4 tests" in said and said.endswith("OK\n")
    said = clean(python, "-c", PROGRAM).split()
    assert said[0] == "3"
    assert all(path.startswith(str(venv)) for path in said[1:])
    clean(*pip, "check")


def test_a_wheel_needs_its_library(tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "FERRY_ZOO_LIBRARY"}
    done = subprocess.run(
        [sys.executable, "-B", str(GENERATED / "build_wheel.py"),
         str(tmp_path)], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "libzoo.so is missing: name it by" in done.stderr
    assert not list(tmp_path.iterdir())


HEADER = '''\
#include <stdint.h>
#include <ferry/marks.h>
FERRY_LIBRARY(name = clash, version = "1.0", prefix = c_)
typedef struct c_box c_box FERRY(object);
FERRY(constructor, fails = null) c_box *c_open(void);
FERRY(destructor) void c_shut(c_box *b);
%s
'''

CLASHES = {
    "FERRY(method) void c_close(c_box *b);":
        "c_close would be \"close\", which is a word of its own in the "
        "methods of Python's Box",
    "FERRY(method) void c_futures(c_box *b);":
        "c_futures would be \"futures\"",
    "FERRY(method) void c_class(c_box *b);": "c_class would be \"class\"",
    "typedef struct c_r { int lambda; } c_r FERRY(record);\n"
    "FERRY(method) void c_f(c_box *b, const c_r *r);":
        "lambda would be \"lambda\", which is a word of its own in the "
        "fields of Python's R",
    "FERRY(method) void c_f(c_box *b, int timeout);":
        "timeout would be \"timeout\"",
    "typedef struct c_optional { int x; } c_optional FERRY(record);\n"
    "FERRY(method) void c_f(c_box *b, const c_optional *r);":
        "c_optional would be \"Optional\"",
    "typedef struct c_b_ox { int x; } c_b_ox FERRY(record, name = box_);\n"
    "FERRY(method) void c_f(c_box *b, const c_b_ox *r);":
        "would be \"Box\", as c_b_ox (clash.h:7) is, in Python's ferry_clash",
    "typedef enum c_io { C_A, C_B } c_io FERRY(error);\n"
    "typedef enum c_io_code { C_C, C_D } c_io_code FERRY(error);\n":
        "would be \"IoCode\", as c_io (clash.h:7) is, in Python's ferry_clash",
    "FERRY(function) int c_errors(void);": "c_errors would be \"errors\"",
}


def generate(folder, text, *more):
    header = folder / "clash.h"
    header.write_text(text)
    return subprocess.run(
        [TOOL, "gen", str(header), "--lang", "python", "-o",
         str(folder / "out"), *more, "--",
         "-I" + str(zoopkg.ROOT / "include")], capture_output=True,
        text=True)


@pytest.mark.parametrize("line", CLASHES)
def test_names_that_python_cannot_take(tmp_path, line):
    done = generate(tmp_path, HEADER % line)
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first.startswith("clash.h:")
    assert CLASHES[line] in first
    assert "FERRY(name = …)" in first
    assert not (tmp_path / "out").exists()


def test_parameters_that_are_keywords_get_a_line(tmp_path):
    done = generate(tmp_path, HEADER % (
        "FERRY(method) int c_f(c_box *b, int from, int in);"))
    assert done.returncode == 0, done.stderr
    source = (tmp_path / "out/python/ferry_clash/_aio.py").read_text()
    assert "self, from_: int, in_: int, *," in source


@pytest.mark.parametrize("enum, codes, base", [
    ("error", "ErrorCode", "ClashError"),
    ("status", "StatusCode", "Status"),
    ("io_code", "IoCode", "Io"),
    ("error_code", "ErrorCode", "ClashError"),
    ("code", "Code", "ClashError")])
def test_what_codes_are_called(tmp_path, enum, codes, base):
    done = generate(tmp_path, HEADER % (
        "typedef enum c_%s { C_FINE, C_LATE = 7 } c_%s FERRY(error);\n"
        "FERRY(method) c_%s c_wait(c_box *b);" % (enum, enum, enum)))
    assert done.returncode == 0, done.stderr
    package = tmp_path / "out/python/ferry_clash"
    types = (package / "types.py").read_text()
    assert re.findall(r"^class (\w+)", types, re.M) == [codes]
    errors = (package / "errors.py").read_text()
    found = re.findall(r"^class (\w+)\((\w+)\)", errors, re.M)
    assert found[-1] == ("Late", base), found
    assert dict(found)["ClashError"] == "LibraryError", found


def test_versions_that_pip_cannot_take(tmp_path):
    done = generate(tmp_path, HEADER.replace('"1.0"', '"one"') % "")
    assert done.returncode == 1
    assert 'the version "one" is none in Python' in done.stderr


@pytest.mark.parametrize("version", [
    "1.2.0foo", "1..2", "1+", "1.", "1.2+a..b", "1-2", "v1", ""])
def test_versions_that_are_none(tmp_path, version):
    done = generate(tmp_path, HEADER.replace('"1.0"', '"%s"' % version) % "")
    assert done.returncode == 1
    assert done.stderr.startswith(
        'clash.h:3: error: the version "%s" is none in Python' % version)


@pytest.mark.parametrize("version", [
    "0", "1.2.0", "2024.10", "1a", "1.0rc1", "1.0.beta.2", "1.0.post3.dev4",
    "1.0A1", "1.0+local.7"])
def test_versions_that_are_some(tmp_path, version):
    done = generate(tmp_path, HEADER.replace('"1.0"', '"%s"' % version) % "")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name,would,where", [
    ("runtime", "ferry_runtime", "Python's packages"),
    ("ferry", "ferry", "C")])
def test_names_of_what_is_there_already(tmp_path, name, would, where):
    """The runtime's, and that of <ferry/ferry.h>'s guard."""
    done = generate(tmp_path, HEADER.replace("= clash", "= " + name) % "")
    assert done.returncode == 1
    assert done.stderr == (
        'clash.h:3: error: the library would be "%s", which is a word of its '
        "own in %s; give it another name: FERRY_LIBRARY(name = …)\n" % (
            would, where))


def test_constants_that_are_no_numbers(tmp_path):
    done = generate(tmp_path, HEADER % (
        "static const double c_inf FERRY(constant) = __builtin_inf();\n"
        "static const double c_less FERRY(constant) = -__builtin_inf();\n"
        "static const float c_nan FERRY(constant) = __builtin_nanf(\"\");"))
    assert done.returncode == 0, done.stderr
    types = runpy.run_path(str(tmp_path / "out/python/ferry_clash/types.py"))
    assert types["INF"] == math.inf and types["LESS"] == -math.inf
    assert math.isnan(types["NAN"])


def test_members_that_hide_types(tmp_path):
    """A field may be called as a type is."""
    done = generate(tmp_path, HEADER % (
        "typedef struct c_r { int32_t bytes; int32_t str; int32_t more; } "
        "c_r FERRY(record);\n"
        "FERRY(method) void c_f(c_box *b, const c_r *r, c_r *out);\n"
        "FERRY(method) int c_int(c_box *b, int x);\n"
        "FERRY(method) int c_more(c_box *b, const char *int_);"))
    assert done.returncode == 0, done.stderr
    os.environ["MYPYPATH"] = ""
    folder = pathlib.Path(tmp_path, "out/python")
    said = mypy(str(folder / "ferry_clash"), cwd=tmp_path)
    assert said[-1].startswith("Success"), said


if __name__ == "__main__":
    main(__file__)

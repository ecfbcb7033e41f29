#!/usr/bin/env python3
"""What `ferry model` makes of headers.

models/*.h and zoo/zoo.h have a model beside them, which is compared byte by
byte; `scan.py --update` writes them anew, to be read before they are committed.
Their shims compile: what is taken for good can be called.

refused/*.h must be refused, with all errors that comments in them name,

    /* error: 7: what is wrong; what to do */

after the number of the line, in the order of the lines, and no other. Text that
ends in "..." is compared as far as it goes: compilers' words differ.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

TOOL = os.environ.get("FERRY_TOOL", "build/ferry")
HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def fail(path, text):
    failures.append(path)
    print("%s: %s" % (os.path.relpath(path), text))


def scan(header, *args):
    """(exit code, output, lines of errors) of `ferry model`."""
    done = subprocess.run([TOOL, "model", header] + list(args),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return (done.returncode, done.stdout,
            done.stderr.decode("utf-8").splitlines())


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def check_model(header, update):
    code, model, errors = scan(header)
    golden = header[:-2] + ".json"
    if code != 0 or errors:
        fail(header, "exit code %d\n%s" % (code, "\n".join(errors)))
    elif update:
        with open(golden, "wb") as f:
            f.write(model)
    elif not os.path.exists(golden):
        fail(golden, "is missing; scan.py --update writes it")
    elif model != read(golden).encode():
        fail(golden, "the model is another; scan.py --update writes it, "
             "git diff shows it")


def check_shim(header):
    with tempfile.TemporaryDirectory() as out:
        made = subprocess.run([TOOL, "gen", header, "--lang", "c", "-o", out],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode != 0:
            fail(header, made.stdout.decode())
            return
        shims = glob.glob(os.path.join(out, "c", "*.c"))
        if len(shims) != 1:
            fail(header, "%d shims" % len(shims))
        done = subprocess.run(
            [os.environ.get("CC", "gcc"), "-std=c11", "-Wall", "-Wextra",
             "-Werror", "-fsyntax-only", "-I" + os.path.join(out, "c"),
             "-I" + os.path.dirname(header),
             "-I" + os.path.join(HERE, "..", "..", "include")] + shims,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            fail(header, "its shim does not compile\n" + done.stdout.decode())


def expected(header):
    found = re.findall(r"/\* error: (\d+): (.*?) \*/", read(header), re.S)
    return [(int(line), " ".join(text.split())) for line, text in found]


def agrees(line, header, want):
    start = "%s:%d: error: " % (header, want[0])
    text = start + want[1]
    return line.startswith(text[:-3]) if text.endswith("...") \
        else line == text


def check_refused(header):
    code, model, errors = scan(header)
    wanted = expected(header)
    if code != 1 or model:
        fail(header, "exit code %d, and a model of %d bytes"
             % (code, len(model)))
    if not wanted:
        fail(header, "names no error")
    for i in range(max(len(errors), len(wanted))):
        if i >= len(errors):
            fail(header, "line %d is not refused: %s" % wanted[i])
        elif i >= len(wanted):
            fail(header, "is refused too: " + errors[i])
        elif not agrees(errors[i], header, wanted[i]):
            fail(header, "wanted %d: %s\ngot    %s"
                 % (wanted[i] + (errors[i],)))
            break


def check_folders():
    """A path through another folder changes nothing."""
    zoo = os.path.join(HERE, "zoo", "zoo.h")
    plain = scan(zoo)
    os.chdir(os.path.join(HERE, "zoo"))
    for header in ("zoo.h", "./zoo.h", "../zoo/zoo.h"):
        if scan(header) != plain:
            fail(zoo, "the model of %s is another" % header)


HASHED = """#include <ferry/marks.h>
#include <stdint.h>
FERRY_LIBRARY(name = hashed)
typedef struct hashed hashed FERRY(object);
typedef struct hashed_pair { int32_t a, b; } hashed_pair FERRY(record);
FERRY(constructor) hashed *hashed_open(void);
FERRY(destructor) void hashed_close(hashed *h);
%s
/** %s */
FERRY(method%s) void hashed_put(hashed *h, const hashed_pair *%s);
%s
"""


def hashes(*fills):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hashed.h")
        with open(path, "w", encoding="utf-8") as f:
            f.write(HASHED % fills)
        code, model, errors = scan(path)
    if code != 0:
        fail("hashed.h", "\n".join(errors))
        return {}
    model = json.loads(model)
    return {e["name"]: e["hash"] for e in model["records"] +
            model["functions"] if e["name"] in ("put", "pair")}


def check_hashes():
    """What packages do not rely on may change; the rest is seen."""
    before = hashes("", "Puts.", "", "pair", "")
    for same in (
            ("FERRY(method) void hashed_first(hashed *h);", "Puts.", "",
             "pair", ""),
            ("", "Takes.", ", slow = 5", "pair", ""),
            ("", "Puts.", "", "pair",
             "FERRY(method) void hashed_get(hashed *h, hashed_pair *out);")):
        if hashes(*same) != before:
            fail("hashed.h", "another hash, for no reason: %s" % (same,))
    other = hashes("", "Puts.", "", "two", "")
    if other["put"] == before["put"] or other["pair"] != before["pair"]:
        fail("hashed.h", "another parameter, and hashes %s" % other)


SLASHES = """#include <ferry/marks.h>
/// Text, and
/// more of it.
///
///   A paragraph.
FERRY_LIBRARY(name = slashes)
// None.
/// Of one.
/// Two lines.
FERRY(function) int one(void);
//! Of three, with \"quotes\" and <b>.
FERRY(function) int three(void);
"""


def check_comments():
    """Doc comments with slashes, which the project's own headers have not."""
    with tempfile.TemporaryDirectory() as folder:
        header = os.path.join(folder, "slashes.h")
        with open(header, "w", encoding="utf-8") as f:
            f.write(SLASHES)
        code, model, errors = scan(header)
    if code != 0:
        fail(header, "\n".join(errors))
        return
    model = json.loads(model.decode())
    docs = [thing.get("doc")
            for thing in [model["library"]] + model["functions"]]
    if docs != ["Text, and\nmore of it.\n\n  A paragraph.",
                "Of one.\nTwo lines.",
                "Of three, with \"quotes\" and <b>."]:
        fail(header, "docs are %r" % docs)


def check_missing():
    for header in ("nowhere.h", HERE):
        code, model, errors = scan(header)
        if code != 1 or model or len(errors) != 1 or \
                not errors[0].startswith(header + ":1: error: "):
            fail(header, "exit code %d\n%s" % (code, "\n".join(errors)))


def main():
    global TOOL
    TOOL = os.path.abspath(TOOL)
    update = sys.argv[1:] == ["--update"]
    models = sorted(glob.glob(os.path.join(HERE, "models", "*.h")))
    for header in models + [os.path.join(HERE, "zoo", "zoo.h")]:
        check_model(header, update)
        check_shim(header)
    refused = sorted(glob.glob(os.path.join(HERE, "refused", "*.h")))
    for header in refused:
        check_refused(header)
    check_missing()
    check_comments()
    check_hashes()
    check_folders()
    print("%d models, %d refused headers, %d failures"
          % (len(models) + 1, len(refused), len(failures)))
    return 1 if failures or not refused else 0


if __name__ == "__main__":
    sys.exit(main())

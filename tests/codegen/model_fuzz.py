#!/usr/bin/env python3
"""ferry given models that nobody scanned: zoo's, cut, doubled and changed.

Whatever it is: no crash and no hang, and after an error a message. T_SEED is
the seed; `model_fuzz.py SEED ROUNDS` runs others. T_LIMIT=120
"""

import json
import os
import random
import subprocess
import sys
import tempfile

from common import CC, INCLUDE, SOURCE, TEMPLATES, complain, ferry, finish
from common import write

SEED = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("T_SEED", 1))
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 80
VALUES = [None, True, 0, -1, 2**63 - 1, -2**63, 1.5, "", "x", "zoo", "..", "/",
          "%", "\x01", "é" * 300, "x" * 5000, [], {}, [[]], [{}], "none",
          "value", "handle", "record", "int", "optional", "things", "in"]

# Reads its model when it is asked.
LIBRARY = """
#include <ferry/package.h>
#include <stdio.h>
#include <stdlib.h>
static ferry_package package;
static char model[1 << 20];
const ferry_package *ferry_package_here(void);
const ferry_package *ferry_package_here(void)
{
	FILE *f = fopen(getenv("MODEL"), "r");
	package.struct_size = sizeof package;
	package.format = FERRY_PACKAGE_FORMAT;
	package.abi = FERRY_ABI;
	package.name = "zoo";
	package.model = model;
	package.model_size = fread(model, 1, sizeof model - 1, f);
	return &package;
}
"""


def places(value, found):
    """(container, key) of everything in value."""
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        places(inner, found)
    return found


def change(model, rng):
    """One place of it is gone, doubled, another's, or something else."""
    all_places = places(model, [])
    where, key = rng.choice(all_places)
    kind = rng.randrange(4)
    if kind == 0:
        del where[key]
    elif kind == 1 and isinstance(where, list):
        where.insert(key, where[key])
    elif kind == 2:
        other, at = rng.choice(all_places)
        where[key] = json.loads(json.dumps(other[at]))
    else:
        where[key] = rng.choice(VALUES)


def damage(text, rng):
    """The same of bytes."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text))
        end = min(len(text), at + rng.choice((1, 1, 8, 500)))
        text = text[:at] + rng.choice((
            b"", text[at:end] * 2, bytes([rng.randrange(256)]),
            b"{", b"]", b'"', b"\0", b"1e999", b"\\ud800")) + text[end:]
    return text


def judge(done, path, seed):
    if done.status not in (0, 1):
        complain("seed %d: exit %d\n%s" % (seed, done.status, done.err))
    elif done.status == 1 and not done.err:
        complain("seed %d: fails without a word" % seed)
    else:
        return
    with open(path, "rb") as f, open("%s/model-fuzz-%d.json" % (
            os.environ.get("O", "build"), seed), "wb") as copy:
        copy.write(f.read())


def main(top):
    with open(SOURCE + "/tests/codegen/zoo/zoo.json", "rb") as f:
        zoo = f.read()
    write(top, {"lib.c": LIBRARY})
    library, path = top + "/libzoo.so", top + "/zoo.json"
    subprocess.run(CC + ["-shared", "-fPIC", "-I" + INCLUDE, "-o", library,
                         top + "/lib.c"], check=True)
    languages = [name for name in sorted(os.listdir(TEMPLATES)) if
                 os.path.exists(TEMPLATES + "/%s/writer.lua" % name)]
    for seed in range(SEED * 1000, SEED * 1000 + ROUNDS):
        rng = random.Random(seed)
        if seed % 4 == 0:
            text = damage(zoo, rng)
        else:
            model = json.loads(zoo)
            for _ in range(rng.choice((1, 1, 1, 3, 20))):
                change(model, rng)
            text = json.dumps(model).encode()
        with open(path, "wb") as f:
            f.write(text)
        judge(ferry("describe", library, env={**os.environ, "MODEL": path}),
              path, seed)
        judge(ferry("gen", path, "-o", top + "/out", "--lang",
                    ",".join(languages)) if languages else
              ferry("model", path), path, seed)


with tempfile.TemporaryDirectory() as folder:
    main(folder)
finish()

#!/usr/bin/env python3
"""The command line of ferry, models that it is given, and what it says of
libraries that were compiled."""

import json
import os
import subprocess
import tempfile

from common import CC, INCLUDE, complain, expect, ferry, finish, refuses
from common import succeeds, write

MODEL = {
    "ferry_model": 1,
    "library": {"name": "zoo", "version": "1.2", "prefix": "zoo_",
                "header": "zoo.h", "instances": "shared",
                "overflow": "drop_oldest", "doc": "Animals."},
    "constants": [], "enums": [], "records": [], "variants": [],
    "objects": [], "functions": [],
}


def changed(**more):
    return json.dumps({**MODEL, **more})


def asked():
    """What is asked for is on standard output."""
    expect("ABI" in succeeds("--version"), "--version")
    for words in (("help",), ("--help",)):
        text = succeeds(*words)
        for name in ("gen", "model", "describe"):
            expect("\n  %s " % name in text, words, "lacks", name)
    for name in ("gen", "model", "describe"):
        text = succeeds("help", name)
        expect(text == succeeds(name, "--help"), name, "--help differs")
        expect("usage: ferry %s " % name in text, name, "has no usage")
        with open("docs/man/ferry.1", encoding="utf-8") as f:
            page = f.read().replace("\\-", "-")
        for line in text.split("\n"):
            if line.startswith("  -"):
                option = line.split()[0].lstrip("-")
                expect("Fl %s" % option in page.replace("Fl -", "Fl "),
                       "the manual lacks", option)
    with open("/dev/full", "w") as full:
        refuses_output = ferry("help", stdout=full)
    expect(refuses_output.status == 1 and "output" in refuses_output.err,
           "a full disk:", refuses_output)


MISUSES = [
    ((), "usage:"),
    (("nonsense",), "no command nonsense"),
    (("help", "nonsense"), "no command nonsense"),
    (("gen",), "no HEADER"),
    (("gen", "a.json", "b.json"), "one too many: b.json"),
    (("gen", "--nonsense", "a.json"), "no such option: --nonsense"),
    (("gen", "-x", "a.json"), "no such option: -x"),
    (("gen", "--json", "a.json"), "no such option: --json"),
    (("gen", "--checks", "a.json"), "no such option: --checks"),
    (("gen", "--check=1", "a.json"), "takes no argument: --check=1"),
    (("gen", "a.json", "-o"), "no argument of -o"),
    (("gen", "a.json", "--lang"), "no argument of --lang"),
    (("gen", "a.json", "--lang="), "no argument of --lang="),
    (("gen", "a.json", "--lang", "c,,d"), "no language: ,d"),
    (("gen", "a.json", "--lang", "../c"), "no language: ../c"),
    (("gen", "a.json", "--option", "c"), "not LANG.KEY=VALUE: c"),
    (("gen", "a.json", "--option", "c=d.e"), "not LANG.KEY=VALUE"),
    (("gen", "a.json", "--option", "c.=d"), "not LANG.KEY=VALUE"),
    (("gen", "a.json", "--option", ".k=d"), "not LANG.KEY=VALUE"),
    (("gen", "a.json", "--option", "c.%s=d" % ("k" * 64)),
     "not LANG.KEY=VALUE"),
    (("gen", "a.json", "--option", "%s.k=d" % ("c" * 64)),
     "not LANG.KEY=VALUE"),
    (("gen", "a.json", "--option", b"c.k=\xff"), "not UTF-8"),
    (("model",), "no HEADER"),
    (("model", "-o", "x", "a.json"), "no such option: -o"),
    (("describe",), "no LIBRARY.so"),
    (("describe", "a.so", "b.so"), "one too many: b.so"),
    (("describe", "a.so", "--", "-Ix"), "one too many: -Ix"),
    (("describe", "-I", "x", "a.so"), "no such option: -I"),
]


def misused():
    for arguments, words in MISUSES:
        refuses(2, words, *arguments)


BROKEN = [
    ('{"ferry_model": 1,\n\n"library"', "model.json:3: error:"),
    ("", "model.json:1: error:"),
    ("[]", "not a Ferry model"),
    ("{}", "not a Ferry model"),
    ('{"ferry_model": "1"}', "not a Ferry model"),
    (changed(ferry_model=2), "format 2"),
    ('{"ferry_model": 1}', "not complete"),
    (changed(records=None), "not complete"),
    (changed(library={"name": "zoo"}), "not complete"),
    ('{"ferry_model": 1, "ferry_model": 1}', "error: duplicate"),
    ("[" * 100000, "model.json:1: error:"),
]


def models():
    with tempfile.TemporaryDirectory() as top:
        path = os.path.join(top, "model.json")
        refuses(1, path, "model", path)
        for text, words in BROKEN:
            write(top, {"model.json": text})
            refuses(1, words, "model", path)
        write(top, {"model.json": changed()})
        text = succeeds("model", path)
        expect(text == succeeds("model", path), "not the same twice")
        expect(list(json.loads(text).items()) == list(MODEL.items()),
               "not the model:", text)
        with open("/dev/full", "w") as full:
            done = ferry("model", path, stdout=full)
        expect(done.status == 1 and "output" in done.err, "full:", done)


HEADER = """#include <ferry/marks.h>
#include <width.h>
FERRY_LIBRARY(name = zoo)
typedef struct zoo_point {
	WIDTH x;
#ifdef TALL
	int y;
#endif
} zoo_point FERRY(record);
"""


def headers():
    """Clang's options reach it, and what is wrong has its line."""
    def fields(*more):
        model = json.loads(succeeds("model", path, *more))
        return [f["name"] for r in model["records"] for f in r["fields"]]

    with tempfile.TemporaryDirectory() as top:
        path = os.path.join(top, "zoo.h")
        refuses(1, path, "model", path)
        write(top, {"zoo.h": HEADER, "inc/width.h": "#define WIDTH int\n"})
        refuses(1, "zoo.h:2: error: ", "model", path)
        inc = os.path.join(top, "inc")
        expect(fields("-I", inc) == ["x"], "-I DIR")
        expect(fields("-I" + inc) == ["x"], "-IDIR")
        expect(fields("-I", inc, "-D", "TALL") == ["x", "y"], "-D X")
        expect(fields("-DTALL=1", "-I", inc) == ["x", "y"], "-DX")
        expect(fields("--", "-I", inc, "-DTALL") == ["x", "y"], "--")
        refuses(1, "error", "model", path, "--", "-nonsense")
        write(top, {"zoo.h": "int x;\n"})
        refuses(1, "zoo.h", "model", path)


# --- describe ---------------------------------------------------------------

LIBRARY = """
#include <ferry/package.h>
#include <string.h>
static ferry_package package;
const ferry_package *ferry_package_here(void);
const ferry_package *ferry_package_here(void)
{
	package.struct_size = sizeof package;
	package.format = FERRY_PACKAGE_FORMAT;
	package.abi = FERRY_ABI;
	package.name = "zoo";
	package.model = %s;
	package.model_size = strlen(package.model);
	%s
	return &package;
}
"""


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace(
        "\n", "\\n")


def library(top, name, source):
    path = os.path.join(top, name)
    write(top, {name + ".c": source})
    done = subprocess.run(CC + ["-shared", "-fPIC", "-I" + INCLUDE, "-o", path,
                                path + ".c"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        complain(done.stdout)
    return path


def strange_libraries(top):
    def refused(words, model, more=""):
        refuses(1, words, "describe", library(top, "libzoo.so", LIBRARY % (
            quoted(model), more)))

    refuses(1, "cannot load", "describe", top + "/none.so")
    refuses(1, "cannot load", "describe", top)
    refuses(1, "cannot load", "describe", __file__)
    refuses(1, ["no Ferry library", "ferry_package_here()"], "describe",
            library(top, "libother.so", "int other;"))
    refused("nothing", changed(), "return (void *)0;")
    refused("format 2", changed(), "package.format = 2;")
    refused("format 1", changed(), "package.struct_size = 16;")
    refused(["library zoo", "ABI 7"], changed(), "package.abi = 7;")
    refused("broken", "{")
    refused("format 3", changed(ferry_model=3))
    refused("not complete", '{"ferry_model": 1}')


def field(name, kind, /, **more):
    keys = {k: more.pop(k) for k in ("default", "doc") if k in more}
    return {"name": name, "c_name": name, "at": "zoo.h:1",
            "type": {"kind": kind, **more},
            "role": "len" if name.startswith("n_") else "value", **keys}


def number(bits=32, signed=True):
    return {"kind": "int", "c_type": "x", "bits": bits, "signed": signed}


FULL = {
    **MODEL,
    "constants": [
        {"name": "most", "type": "int", "value": "9", "doc": "So many."},
        {"name": "motto", "type": "string", "value": "mind \"it\""}],
    "enums": [
        {"name": "error", "kind": "error", "doc": "How it went.", "values": [
            {"name": "hungry", "value": "1", "doc": "No food."}]},
        {"name": "food", "kind": "flags", "values": [
            {"name": "hay", "value": "1"}]}],
    "records": [{"name": "point", "doc": "Where.\n\nOn the map.", "fields": [
        field("x", "float", bits=64,
              default={"kind": "float", "value": "-1.5"}),
        field("all", "array", of=number(16, False), len="n_all"),
        field("n_all", "int", bits=64, signed=False),
        field("two", "array", of={"kind": "bool"}, count=2),
        field("text", "string", nullable=True, default={"kind": "none"}),
        field("fixed", "string", count=16, doc="At most 15."),
        field("tags", "map", key={"kind": "string"}, value=number()),
        field("born", "time", unit="us", bits=64, signed=True),
        field("food", "enum", name="food",
              default={"kind": "enum", "value": "hay"}),
        field("name", "string", default={"kind": "string", "value": "Leo"}),
        field("next", "optional", by="pointer",
              of={"kind": "record", "name": "point"})]}],
    "variants": [{"name": "shape", "cases": [
        {"name": "nothing"},
        {"name": "circle", "field": field("radius", "float", bits=32)}]}],
    "objects": [
        {"name": "zoo", "doc": "A zoo, " + "very " * 20 + "large."},
        {"name": "animal", "parent": "zoo"}],
    "functions": [
        {"name": "open", "kind": "constructor", "object": "zoo",
         "in": [field("name", "string")], "out": []},
        {"name": "split", "kind": "method", "object": "zoo", "in": [],
         "out": [field("n_words", "int", bits=8, signed=True),
                 field("words", "array", of={"kind": "string"}),
                 field("count", "int", bits=8, signed=True)],
         "doc": "Cuts."},
        {"name": "on_noise", "kind": "event", "object": "zoo", "in": [],
         "out": [field("loud", "bool")]},
        {"name": "adopt", "kind": "constructor", "object": "animal", "in": [],
         "out": [field("out", "handle", object="animal")]},
        {"name": "at", "kind": "function", "in": [
            field("where", "pointer", of={"kind": "record",
                                          "name": "point"})], "out": []}],
}

SHOWN = """\
zoo 1.2 (zoo.h), all objects on one thread
    Animals.

object zoo
    A zoo, very very very very very very very very very very very very very
    very very very very very very very large.
  constructor open(name: string)
  method split() -> (words: [string], count: int8)
      Cuts.
  event on_noise(loud: bool)

object animal, of a zoo
  constructor adopt() -> animal

functions
  function at(where: point)

record point
    Where.

    On the map.
  x: float64 = -1.5
  all: [uint16]
  two: [bool; 2]
  text: string? = none
  fixed: string[16]
      At most 15.
  tags: {string: int32}
  born: time
  food: food = hay
  name: string = "Leo"
  next: point?

variant shape
  nothing
  circle: float32

error error
    How it went.
  hungry = 1
      No food.

flags food
  hay = 1

constants
  most = 9
      So many.
  motto = "mind \\"it\\""
"""


def described():
    with tempfile.TemporaryDirectory() as top:
        strange_libraries(top)
        path = library(top, "libzoo.so", LIBRARY % (
            quoted(json.dumps(FULL)), ""))
        text = succeeds("describe", path)
        expect(text == SHOWN, "describe says:\n" + text)
        expect(text == succeeds("describe", "libzoo.so", cwd=top),
               "another text by a bare name")
        env = {**os.environ, "LD_LIBRARY_PATH": top}
        expect(text == succeeds("describe", "libzoo.so", env=env),
               "another text where the loader finds it")
        expect(list(json.loads(succeeds("describe", "--json", path)).items())
               == list(FULL.items()), "--json is not the model")
        # A model may be anything: no word of it is relied on.
        strange = {**MODEL, "objects": [1, {}], "records": [[], {"fields": 3}],
                   "functions": [{"in": {}}, "x"], "enums": [None],
                   "variants": [{"cases": [{"field": 2}]}],
                   "constants": [{}]}
        succeeds("describe", library(top, "libzoo.so", LIBRARY % (
            quoted(json.dumps(strange)), "")))


for case in (asked, misused, models, headers, described):
    case()
finish()

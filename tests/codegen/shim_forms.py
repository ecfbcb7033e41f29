#!/usr/bin/env python3
"""The shim of libraries of any form compiles without a warning, with every
compiler there is, keeps to its 80 columns, and is the same each time. What C
cannot do is refused with its place."""

import os
import shutil
import subprocess
import tempfile

from common import CC, INCLUDE, SOURCE, complain, expect, finish, read
from common import refuses, succeeds, write

WARN = ("-std=c11 -fPIC -O1 -Wall -Wextra -Wshadow -Wstrict-prototypes "
        "-Wmissing-prototypes -Wvla -Wconversion -Wpedantic "
        "-Wno-overlength-strings -Werror").split()
COMPILERS = [CC] + ([["clang"]] if shutil.which("clang") and
                    "clang" not in CC[0] else [])
TOP = """\
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ferry/ferry.h>
#include <ferry/marks.h>
FERRY_LIBRARY(name = form, version = "1 é")
"""
ROOT = """\
typedef struct form form FERRY(object);
FERRY(constructor) form *form_open(void);
FERRY(destructor) void form_close(form *f);
"""
FORMS = {
    "nothing": "",
    "constants": "/** Why??/ \"é\". */\nenum { FORM_A = 1 } FERRY(constants);\n",
    "records that nobody uses":
        "typedef struct form_r { int a; const char *s; } form_r "
        "FERRY(record);\n",
    "a record of text in place":
        "typedef struct form_r { char s[8]; } form_r FERRY(record);\n"
        "FERRY(function) void form_f(form_r *out);\n",
    "functions": "FERRY(function) int form_f(int a);\n"
                 "FERRY(function) void form_g(void);\n",
    "a root": ROOT,
    "a root's events": ROOT +
        "FERRY(event) void form_on_a(form *f);\n"
        "FERRY(event) void form_on_b(form *f, bool a, const int16_t pair[2]);\n",
    "methods of nothing": ROOT +
        "FERRY(method) void form_a(form *f);\n"
        "FERRY(strand) void form_b(form *f);\n"
        "FERRY(method) void form_c(form *f, ferry_call call);\n"
        "FERRY(method, slow = 5, fatal = 9000) int form_d(form *f);\n",
    "names of the shim's own": ROOT +
        "typedef struct form_in { int in, out, r, c, n; } form_in "
        "FERRY(record);\n"
        "FERRY(method) int form_e(form *f, int in, int out, int r, int c, "
        "int code, const form_in *self, int *made, int *text);\n"
        "FERRY(method) void form_f(form *f, ferry_call call_, int status, "
        "int *text, int *results, int *r);\n"
        "FERRY(event) void form_on_x(form *out, int in, int r);\n"
        "FERRY(event) void form_on_y(form *f, int out, int object);\n",
    "numbers of every width": ROOT +
        "typedef struct form_w { unsigned long long a; signed char b; "
        "short c; float d; const bool *e FERRY(len = n_e); int8_t n_e; "
        "const double *f FERRY(len = n_f); long n_f; } form_w "
        "FERRY(record);\n"
        "FERRY(method) void form_h(form *f, const form_w *in, form_w *out);\n",
    "objects that are returned": ROOT +
        "typedef struct form_o form_o FERRY(object);\n"
        "FERRY(constructor) form_o *form_o_make(form *f);\n"
        "FERRY(destructor) int form_o_end(form_o *o);\n"
        "FERRY(method) form_o *form_o_copy(form_o *o, form_o *other);\n",
}
# The scanner knows of all but these.
REFUSED = {
    "form.h:13: error: form_later": ROOT +
        "typedef struct form_o form_o FERRY(object);\n"
        "FERRY(constructor) form_o *form_o_make(form *f);\n"
        "FERRY(destructor) void form_o_end(form_o *o);\n"
        "FERRY(method) void form_later(form *f, ferry_call c, form_o **o);\n",
}


def generate(folder, text):
    write(folder, {"form.h": TOP + text})
    succeeds("gen", os.path.join(folder, "form.h"), "--lang", "c", "-o",
             os.path.join(folder, "out"))
    return os.path.join(folder, "out/c/form_ferry.c")


def compiles(name, folder, path):
    for command in COMPILERS:
        done = subprocess.run(
            command + WARN + ["-I" + INCLUDE, "-I" + folder, "-c", path, "-o",
                              os.path.join(folder, "form.o")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode == 0, "%s, %s:\n%s" % (
            name, command[0], done.stdout[:3000]))


def looks_well(name, path):
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for n, line in enumerate(lines, 1):
        where = "%s:%d: " % (name, n)
        expect(len(line.expandtabs(8)) <= 80, where + "long: " + line)
        expect(line == line.rstrip(), where + "white space at the end")
        expect(line or lines[n - 2] or n > len(lines) - 1, where + "empty")


for form, source in FORMS.items():
    with tempfile.TemporaryDirectory() as top:
        made = generate(top, source)
        if not os.path.exists(made):
            complain(form, "is not made")
            continue
        compiles(form, top, made)
        looks_well(form, made)
        once = read(made)
        expect(read(generate(top, source)) == once, form, "is not the same")
for words, source in REFUSED.items():
    with tempfile.TemporaryDirectory() as top:
        write(top, {"form.h": TOP + source})
        refuses(1, words, "gen", os.path.join(top, "form.h"), "--lang", "c",
                "-o", os.path.join(top, "out"))
for library in ("zoo", "ark"):
    with tempfile.TemporaryDirectory() as top:
        header = os.path.join(SOURCE, "tests/codegen", library,
                              library + ".h")
        succeeds("gen", header, "--lang", "c", "-o", top)
        made = os.path.join(top, "c", library + "_ferry.c")
        compiles(library, os.path.dirname(header), made)
        looks_well(library, made)
finish()

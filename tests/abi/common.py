"""What the checks of the ABI share: the public header, taken apart, and the
library as built.

The header is plain C by rule (tests/lint/headers), so a few patterns read it
whole; what they cannot read is an error, never passed over.
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

LIBRARY = os.environ.get("FERRY_LIBRARY", "build/libferry.so")
BUILD = os.environ.get("O", "build")
ARCHIVE = re.sub(r"\.so$", ".a", LIBRARY)
CC = os.environ.get("CC", "gcc").split()
CXX = os.environ.get("CXX", "g++").split()
# Not part of the contract: the version moves on, the others have no value.
NO_CONSTANTS = re.compile(r"FERRY_VERSION_\w+|FERRY_\w*_H|FERRY_API")
COMMENT = r"/\*(?:(?!\*/).)*\*/"


def output(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True, **more).stdout


def squeeze(text):
    """One space where there may be any; none round brackets and stars."""
    text = " ".join(text.split())
    text = re.sub(r"\s*([(),])\s*", r"\1", text).replace(",", ", ")
    return re.sub(r"\*\s+(?=[*\w])", "*", text)


def types_only(prototype):
    """The same without the names of parameters, which are nobody's ABI."""
    head, _, rest = prototype.partition("(")
    if rest.startswith("*"):    # a callback's type: R (*name)(parameters)
        rest = rest.partition("(")[2]
    types = []
    for parameter in rest.rstrip(")").split(", "):
        found = re.fullmatch(r"(.*[\s*])(\w+)", parameter)
        types.append(found.group(1).strip() if found and parameter != "void"
                     else parameter)
    return "%s(%s)" % (head, ", ".join(types))


class Header:
    """functions: name -> (prototype, the comment above it)
    structs: name -> [(type, field)]; constants: names
    callbacks: name -> prototype; tokens: name -> type"""

    def __init__(self, folder="include/ferry"):
        self.functions, self.structs, self.constants = {}, {}, []
        self.callbacks, self.tokens = {}, {}
        self.top = ""
        for name in sorted(n for n in os.listdir(folder)
                           if n.endswith(".h")):
            # Compiled into generated code, and nobody's to call.
            if name.startswith("shim"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                self.take(f.read())

    def take(self, text):
        if not self.top and "THE LAWS" in text:
            self.top = re.search(COMMENT, text, re.S).group()
        for comment, code in re.findall(
                r"(%s\s*)?^FERRY_API\b([^;{}]*);" % COMMENT, text,
                re.S | re.M):
            code = squeeze(re.sub(COMMENT, "", code, flags=re.S))
            name = re.match(r".*?\b(ferry_\w+)\(", code)
            assert name, code
            self.functions[name.group(1)] = (code, comment)
        bare = re.sub(COMMENT, " ", text, flags=re.S)
        for macro in re.findall(r"^#define (FERRY_\w+) +\S", bare, re.M):
            if not NO_CONSTANTS.fullmatch(macro):
                self.constants.append(macro)
        bare = re.sub(r"^#.*$", "", bare, flags=re.M)
        for body in re.findall(r"\benum\s*\w*\s*\{([^}]*)\}", bare):
            for constant in filter(None, map(str.strip, body.split(","))):
                self.constants.append(constant.split()[0])
        for name, body, again in re.findall(
                r"\btypedef struct (\w+) \{([^}]*)\} (\w+);", bare):
            assert name == again, name
            self.structs[name] = [self.field(f) for f in body.split(";")
                                  if f.strip()]
        for code in re.findall(r"\btypedef\b([^;{}]*\(\s*\*[^;{}]*);", bare):
            code = squeeze(code)
            self.callbacks[re.search(r"\(\*(\w+)\)", code).group(1)] = code
        for kind, name in re.findall(r"\btypedef (\w+) (\w+);", bare):
            self.tokens[name] = kind
        known = len(re.findall(r"\btypedef\b", bare))
        found = len(re.findall(r"\btypedef struct \w+ \{|"
                               r"\btypedef \w+ \w+;|"
                               r"\btypedef\b[^;{}]*\(\s*\*", bare))
        assert known == found, "a typedef that this does not understand"

    @staticmethod
    def field(text):
        found = re.fullmatch(r"(.*?[\s*])(\w+)(\[\d+\])?",
                             " ".join(text.split()))
        assert found, text
        return (squeeze(found.group(1)).strip() + (found.group(3) or ""),
                found.group(2))


def exported(library=LIBRARY):
    """{name: version node}"""
    found = {}
    for line in output("nm", "-D", "--defined-only", "--with-symbol-versions",
                       library).splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition("@")
        if kind != "A":     # the nodes themselves
            found[name] = version.strip("@")
    return found


def full_version():
    """(major, minor, patch) of this tree"""
    with open("include/ferry/version.h", encoding="utf-8") as f:
        text = f.read()
    return tuple(int(re.search(r"FERRY_VERSION_%s (\d+)" % part,
                               text).group(1))
                 for part in ("MAJOR", "MINOR", "PATCH"))


def version():
    """(major, minor)"""
    return full_version()[:2]


def soname():
    return "libferry.so.%d" % version()[0]


def make(*arguments, **settings):
    """make as if from a shell, with this test's build and compilers."""
    env = {k: v for k, v in os.environ.items() if k not in (
        "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "GNUMAKEFLAGS", "DESTDIR",
        "PREFIX", "SAN")}
    settings = {"O": BUILD, "CC": " ".join(CC), "CXX": " ".join(CXX),
                **settings}
    done = subprocess.run(["make", *arguments, *map("=".join,
                                                    settings.items())],
                          env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        print(done.stdout)
    return done.returncode


def tree(top):
    """{path below top: what is there}: a folder, a link's text, a mode."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                what = "-> " + os.readlink(path)
            elif os.path.isdir(path):
                what = "folder"
            else:
                what = "%o" % (os.stat(path).st_mode & 0o777)
            found[os.path.relpath(path, top)] = what
    return found

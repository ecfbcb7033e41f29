#!/usr/bin/env python3
"""What docs/guide/ tells its reader to do works, and says what is shown.

A block after a line that is a name in backquotes becomes that file. ```sh
blocks are run, in order, in one folder, and must succeed; ```console blocks too,
and what a command says, on both outputs, is what stands below it. The make of an
```sh block is run in the checkout, and installs into a scratch prefix that
the commands then see, and nothing else of this build. T_LIMIT=240
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

from common import SOURCE, complain, finish

BUILD = os.path.abspath(os.environ.get("O", "build"))
# What this run knows of its own build, the reader does not.
OURS = re.compile(r"FERRY_|MAKE|MFLAGS|T_|(O|CC|CXX|SAN|PYTHON)$|PYTHONPATH$")


def blocks(text):
    """(language, name of a file or None, body, line)"""
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        before = text[:match.start()].rstrip().split("\n")[-1]
        named = re.fullmatch(r"`([\w.-]+)`", before)
        yield (match.group(1), named and named.group(1), match.group(2),
               text.count("\n", 0, match.start()) + 1)


class Reader:
    """Somebody with a new folder, and a prefix where Ferry is installed."""

    def __init__(self, top, path):
        self.path = path
        self.work, self.prefix = top + "/work", top + "/usr"
        os.mkdir(self.work)
        self.env = {k: v for k, v in os.environ.items()
                    if not OURS.match(k)}
        self.env.update(
            PATH="%s/bin:%s" % (self.prefix, self.env["PATH"]),
            PKG_CONFIG_PATH=self.prefix + "/lib/pkgconfig",
            LD_LIBRARY_PATH=self.prefix + "/lib", LC_ALL="C.UTF-8",
            PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INDEX="1")

    def run(self, command, line):
        """What it says, or None."""
        env, folder = self.env, self.work
        if re.match(r"(sudo )?make\b", command):
            command = command.replace("sudo ", "")
            folder, env = SOURCE, {**env, "MAKEFLAGS": "-- O=%s PREFIX=%s" % (
                BUILD, self.prefix)}
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=env,
                              text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.last = "%s:%d: $ %s\n%s" % (self.path, line, command,
                                         done.stdout)
        return done.returncode, done.stdout

    def commands(self, body, line):
        for command in body.replace("\\\n", " ").strip().split("\n"):
            status, _ = self.run(command, line)
            if status:
                complain("%s(exit %d)" % (self.last, status))
                return False
        return True

    def session(self, body, line):
        """Commands, and what each says."""
        for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
            command, _, wanted = part.partition("\n")
            _, said = self.run(command, line)
            if said != wanted:
                complain("%s... and the page shows\n%s" % (self.last, wanted))

    def read(self):
        with open(self.path, encoding="utf-8") as f:
            text = f.read()
        ran = 0
        for language, name, body, line in blocks(text):
            if name:
                with open(os.path.join(self.work, name), "w") as f:
                    f.write(body)
            elif language == "sh":
                ran += 1
                if not self.commands(body, line):
                    return
            elif language == "console":
                ran += 1
                self.session(body, line)
        if not ran:
            complain(self.path + ": nothing to run")


if os.environ.get("SAN"):
    print("skip: a sanitized library is not for installing")
    sys.exit(77)
pages = sorted(glob.glob(SOURCE + "/docs/guide/*.md"))
if not pages:
    complain("no guide")
for page in pages:
    with tempfile.TemporaryDirectory() as folder:
        Reader(folder, page).read()
finish()

#!/usr/bin/env python3
"""The tutorial's programs say what its README shows, but for the time that a
thousand delays take: as long as one at least, and a tenth of what they would
take one by one at most. What it shows of the sources is there, and its commands
work. T_LIMIT=180"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "../.."))
O = os.path.abspath(os.environ.get("O", "build"))
SOURCES = ("timer.h", "timer.c", "main.cc", "main.py")

DELAYED = re.compile(r"(?<=1000 delays of 100 ms, answered after )(\d+)")


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", read("README.md"), re.M | re.S)


def run(command):
    done = subprocess.run(["sh", "-ec", command], capture_output=True,
                          text=True, cwd=TOP, timeout=120)
    print(done.stdout + done.stderr)
    if done.returncode != 0:
        sys.exit("%s: exit status %d" % (command, done.returncode))
    return done.stdout


def built(commands):
    """`commands` with what is built where it is."""
    commands = commands.replace("build/", O + "/").replace(
        "$PWD/" + O, O)
    return commands.replace("-Lbuild", "-L" + O)


def exports():
    return built("".join(line + "\n" for language, body in BLOCKS
                         if language == "sh" for line in body.split("\n")
                         if line.startswith("export ")))


def programs():
    """(command, what it says), of the console blocks."""
    for language, body in BLOCKS:
        if language == "console":
            command, said = body.split("\n", 1)
            yield command[2:], said


def check_sources():
    text = "".join(map(read, SOURCES))
    for language, body in BLOCKS:
        if language in ("c", "cpp", "python") and body not in text:
            sys.exit("README.md shows what is not in a source:\n" + body)


def check_program(command, said):
    ran = run(exports() + built(command))
    if DELAYED.sub("...", ran) != DELAYED.sub("...", said):
        sys.exit("README.md shows something else of " + command)
    took = DELAYED.search(ran)
    most = 10000 * float(os.environ.get("T_SLOW") or 1)
    if took and not 100 <= int(took.group(1)) < most:
        sys.exit("1000 delays of 100 ms took %s ms" % took.group(1))


def check_commands():
    """What generates and compiles, in another folder than this."""
    with tempfile.TemporaryDirectory() as folder:
        for language, body in BLOCKS:
            for command in re.split(r"(?<!\\)\n", body):
                if language == "sh" and not re.match("make|export|$",
                                                     command):
                    command = built(command)
                    for name in ("libtimer.so", "timer"):
                        command = command.replace(
                            "-o %s " % name, "-o %s/%s " % (folder, name))
                    run(command.replace("-L. ", "-L%s " % folder).replace(
                        "-o samples/timer/generated",
                        "-o " + folder))


check_sources()
plain = not os.environ.get("SAN")
if plain:
    check_commands()
for command, said in programs():
    # Python loads the plain library only.
    if plain or "python" not in command:
        check_program(command, said)

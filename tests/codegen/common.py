"""What the generator's tests in Python share: the tool, and complaints."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True

BUILD = os.environ.get("O", "build")
TOOL = os.path.abspath(os.environ.get("FERRY_TOOL") or BUILD + "/ferry")
CC = os.environ.get("CC", "gcc").split()
SOURCE = os.path.abspath(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))
TEMPLATES = os.path.join(SOURCE, "ffi/codegen")
INCLUDE = os.path.join(SOURCE, "include")

failed = 0


def complain(*what):
    global failed
    failed += 1
    print(*what)


def expect(ok, *what):
    if not ok:
        complain(*what)


def finish():
    sys.exit(1 if failed else 0)


class Done:
    """What a run of the tool said: status, out, err."""

    def __init__(self, arguments, **more):
        done = subprocess.run([TOOL, *arguments], text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=50,
                              **{"stdout": subprocess.PIPE,
                                 "stderr": subprocess.PIPE, **more})
        self.arguments, self.status = arguments, done.returncode
        self.out, self.err = done.stdout, done.stderr

    def __str__(self):
        return "ferry %s: exit %d\n%s%s" % (
            " ".join(map(str, self.arguments)), self.status, self.out, self.err)


def ferry(*arguments, **more):
    return Done(arguments, **more)


def succeeds(*arguments, **more):
    done = ferry(*arguments, **more)
    expect(done.status == 0 and not done.err, "this fails:", done)
    return done.out


def refuses(status, words, *arguments, **more):
    """Exits so, and says each of the words, on standard error alone."""
    done = ferry(*arguments, **more)
    expect(done.status == status, "not exit %d:" % status, done)
    for word in [words] if isinstance(words, str) else words:
        expect(word in done.err, "does not say %r:" % word, done)
    expect(not done.out, "says on standard output:", done)


def write(folder, files):
    """{path: text} below a folder."""
    for path, text in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def read(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def tree(top):
    """{path: bytes} of all files below top."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = read(path)
    return found

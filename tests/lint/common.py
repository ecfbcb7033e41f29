"""What the lints share: the tree, C text without comments, complaints.

A lint looks at the tree under the current directory and prints one line per
complaint, `file:line: what`. Exit status: 0 nothing to say, 1 complaints.
"""

import os
import sys

sys.dont_write_bytecode = True

complaints = 0


def complain(path, line, what):
    global complaints
    complaints += 1
    print("%s:%d: %s" % (path, line, what))


def finish():
    sys.exit(1 if complaints else 0)


def files(tops, suffixes):
    """Paths under the folders tops, in order, without hidden and cached."""
    found = []
    for top in tops:
        for folder, folders, names in os.walk(top):
            folders[:] = [f for f in folders
                          if not f.startswith(".") and f != "__pycache__"]
            found += [os.path.join(folder, n) for n in names
                      if n.endswith(suffixes)]
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


class Source:
    """A C file: `code` is its text with comments, strings and characters
    blanked (same lines, same columns), `comments` a list of (line, text),
    `comment_lines` the numbers of lines that begin inside a comment."""

    def __init__(self, path):
        self.path = path
        self.text = read(path)
        self.comments = []
        self.comment_lines = set()
        self.slashes = []
        out = []
        i, line, text = 0, 1, self.text
        while i < len(text):
            c = text[i]
            if text.startswith("/*", i):
                end = text.find("*/", i + 2)
                end = len(text) if end < 0 else end + 2
                piece = text[i:end]
                self.comments.append((line, piece))
                for k in range(piece.count("\n")):
                    self.comment_lines.add(line + k + 1)
            elif text.startswith("//", i):
                end = text.find("\n", i)
                end = len(text) if end < 0 else end
                piece = text[i:end]
                self.slashes.append(line)
            elif c in "\"'" and not (c == "'" and i and text[i - 1].isalnum()):
                end = i + 1
                while end < len(text) and text[end] not in (c, "\n"):
                    end += 2 if text[end] == "\\" else 1
                end = min(end + 1, len(text))
                piece = text[i:end]
            else:
                out.append(c)
                line += c == "\n"
                i += 1
                continue
            out.append("".join("\n" if x == "\n" else " " for x in piece))
            line += piece.count("\n")
            i = end
        self.code = "".join(out)

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

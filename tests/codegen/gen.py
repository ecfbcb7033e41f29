#!/usr/bin/env python3
"""ferry gen: what writers may do and may not, and what becomes of their files.

Most of it with writers and templates of the test's own."""

import json
import os
import resource
import shutil
import stat
import tempfile

from common import TEMPLATES, expect, ferry, finish, read, refuses
from common import succeeds, tree, write

MODEL = {
    "ferry_model": 1,
    "library": {"name": "zoo", "version": "1", "prefix": "zoo_",
                "header": "zoo.h"},
    "constants": [None, True, 1, -1.5, "é"], "enums": [], "records": [],
    "variants": [], "objects": [], "functions": [],
}
PLAIN = 'return function(model, gen) gen.write("zoo.txt", gen.json) end\n'


class Bench:
    """A folder of templates, a model, and where to write."""

    def __init__(self, **files):
        self.top = tempfile.mkdtemp()
        self.out = os.path.join(self.top, "out")
        self.codegen = os.path.join(self.top, "codegen")
        os.mkdir(self.codegen)
        for name in ("gen.lua", "names.lua", "template.lua"):
            shutil.copy(os.path.join(TEMPLATES, name), self.codegen)
        write(self.codegen, {"c/writer.lua": PLAIN})
        write(self.top, {"zoo.json": json.dumps(MODEL)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def write(self, **files):
        """c_writer_lua="..." is the file c/writer.lua."""
        write(self.codegen, {
            "%s/%s.%s" % (n.split("_")[0], "_".join(n.split("_")[1:-1]),
                          n.split("_")[-1]): text
            for n, text in files.items()})
        return self

    def arguments(self, *more):
        return ("gen", os.path.join(self.top, "zoo.json"), "--templates",
                self.codegen, "-o", self.out, *more)

    def works(self, *more):
        """What is there then, without the lists of it."""
        succeeds(*self.arguments(*more))
        return {path: text for path, text in tree(self.out).items()
                if "/.ferry-" not in path}

    def fails(self, words, *more, status=1):
        before = tree(self.top)
        refuses(status, words, *self.arguments(*more))
        expect(tree(self.top) == before, "something was written")


def writer(body):
    return "return function(model, gen)\n%s\nend\n" % body


# --- Writers ----------------------------------------------------------------

GIVEN = """
local out = {}
local function say(...)
	out[#out + 1] = table.concat({ ... }, " ")
end
local c = model.constants
say(tostring(c[1]), tostring(c[2]), math.type(c[3]), c[4], c[5], #c)
say(model.library.name, gen.language, tostring(model.none))
say(gen.options.key, tostring(gen.options.other))
say(gen.read("data/a.txt"), table.concat(gen.list("data"), ","))
say(gen.input(gen.options.file))
say(gen.names.pascal("make_noise"), gen.names.camel("make_noise"),
    gen.names.upper("make_noise"), gen.names.snake("make_noise"))
say(tostring(io), tostring(os), tostring(print), tostring(dofile),
    tostring(loadfile), tostring(package), tostring(debug),
    tostring(math.random))
say(require("mine").word, tostring(require("mine") == require("mine")))
local many = { 5, 6 }
for letter in ("the quick brown fox jumps"):gmatch("%a") do
	many[letter] = true
end
local keys = {}
for key in pairs(many) do
	keys[#keys + 1] = key
end
say(table.concat(keys))
gen.write("said", table.concat(out, "\\n") .. "\\n")
gen.write("deep/er/bytes", "\\0\\255" .. gen.json)
"""

SAID = """nil true integer -1.5 é 5
zoo c nil
value nil
text data/a.txt,data/b/c.txt
put in
MakeNoise makeNoise MAKE_NOISE make_noise
nil nil nil nil nil nil nil nil
its own true
12bcefhijkmnopqrstuwx
"""


def given():
    """What a writer is given, and that nothing else is there."""
    with Bench() as b:
        b.write(c_writer_lua=writer(GIVEN),
                c_mine_lua='return { word = "its own" }\n')
        write(b.codegen, {"c/data/a.txt": "text", "c/data/b/c.txt": "",
                          "c/data/.hidden": "", "c/data/old~": "",
                          "c/data/__pycache__/x": ""})
        write(b.top, {"input": "put in"})
        files = b.works("--option", "c.key=value", "--option",
                        "c.file=%s/input" % b.top)
        expect(sorted(files) == ["c/deep/er/bytes", "c/said"], list(files))
        said = files["c/said"].decode()
        expect(said == SAID, "said:\n" + said)
        expect(files["c/deep/er/bytes"][:2] == b"\0\xff", "bytes")
        expect(json.loads(files["c/deep/er/bytes"][2:]) == MODEL, "gen.json")


TEMPLATE = """\
% for _, name in ipairs(list) do
	%< "line", { name = name }

% end
%% <%= title %> of <%= #list %>
"""


def templates():
    with Bench() as b:
        render = 'gen.write("a", gen.render("all", { title = "%s", list = ' \
            '{ "x", "y" } }))'
        b.write(c_writer_lua=writer(render % "Names"), c_all_tpl=TEMPLATE,
                c_line_tpl="int <%= name %>; /* <%= title %> */\n")
        expect(b.works()["c/a"].decode() ==
               "\tint x; /* Names */\n\n\tint y; /* Names */\n\n"
               "% Names of 2\n", "rendered:", tree(b.out))
        for text, words in (
                ("one\n<%= nothing %>\n", "c/line.tpl:2: no such name: "
                                          "nothing"),
                ("\n\n<%= name.x %>\n", "c/line.tpl:3: no value"),
                ("\n% for\n", "c/line.tpl:3: "),
                ("<%= name( %>\n", "c/line.tpl:1: "),
                ("% error('bad')\n", "c/line.tpl:1: bad"),
                ("% if name then\n", "c/line.tpl:"),
                ('%< "none"\n', "c/none.tpl: No such file")):
            b.write(c_line_tpl=text)
            b.fails([words, "c/all.tpl:2:"] if "% for" not in text and
                    "name(" not in text and "% if" not in text else words)
        b.write(c_line_tpl="")
        b.write(c_writer_lua=writer('gen.render("all")'))
        b.fails("c/all.tpl:1: no such name: list")


FAILING = [
    ('gen.fail("zoo.h:3", "is bad; make it good")',
     "zoo.h:3: error: is bad; make it good\n"),
    ('gen.fail(nil, "is bad")', "zoo.h: error: is bad\n"),
    ('gen.fail({ { at = "a.h:1", message = "x" }, { message = "y" } })',
     "a.h:1: error: x\nzoo.h: error: y\n"),
    ('local x = model.none.x', "c/writer.lua:2: "),
    ('error({})', "without a text"),
    ('error()', "ferry: c: "),
    ('error(setmetatable({}, { __tostring = error }))', "without a text"),
    ('gen.write("a")', "bad argument"),
    ('gen.write("a\\0b", "")', "a path with a zero"),
    ('gen.read("../gen.lua")', "not below the templates"),
    ('gen.read("/etc/passwd")', "not below the templates"),
    ('gen.read("none")', "c/none: No such file"),
    ('gen.read("data")', "Is a directory"),
    ('gen.list("none")', "c/none: No such file"),
    ('gen.list("../..")', "not below the templates"),
    ('gen.input("/none")', "/none: No such file"),
    ('require("none")', "none.lua: No such file"),
    ('require("broken")', "c/broken.lua:1: "),
    ('require("../../x")', "not below the templates"),
    ('load("\\27Lua")()', "c/writer.lua:2: "),
    ('local function f() return f() + 1 end f()', "stack overflow"),
    ('local s = ("x"):rep(1 << 40)', "too large"),
]

PATHS = ["../x", "/x", "a/../../x", "..", ".", "", "a//b", "a/", "./a", "a/."]


def failing():
    with Bench() as b:
        write(b.codegen, {"c/data/x": "", "c/broken.lua": "x ="})
        for body, words in FAILING:
            b.write(c_writer_lua=writer(body))
            b.fails(words)
        for path in PATHS:
            b.write(c_writer_lua=writer('gen.write("%s", "")' % path))
            # Below the output folder it is c/ that it begins with.
            b.fails("is not below the output folder")
        for one, other in (("a", "a"), ("a", "a/b"), ("a/b", "a")):
            b.write(c_writer_lua=writer(
                'gen.write("%s", "")\ngen.write("%s", "")' % (one, other)))
            b.fails("c/%s is written twice" % other)
        for text in ("return 1\n", "x =\n", ""):
            b.write(c_writer_lua=text)
            b.fails("ferry: c: ")
        b.write(c_writer_lua=writer(""))
        for name in ("gen", "names", "template"):
            os.rename(b.codegen + "/%s.lua" % name, b.codegen + "/away")
            b.fails(name + ".lua: No such file")
            os.rename(b.codegen + "/away", b.codegen + "/%s.lua" % name)


def names():
    """Clashes: all of them, each with its place and what to do."""
    with Bench() as b:
        b.write(c_writer_lua=writer("""
	gen.names.check({
		{ name = "a", c_name = "zoo_a", at = "zoo.h:1" },
		{ name = "b", c_name = "zoo_b", at = "zoo.h:2" },
		{ name = "a", c_name = "zoo_A", at = "zoo.h:3" },
		{ name = "def", c_name = "zoo_def", at = "zoo.h:4" },
		{ name = "2d", c_name = "zoo_2d", at = "zoo.h:5" },
	}, gen.names.set("def class"), "Python")"""))
        b.fails(['zoo.h:3: error: zoo_A would be "a", as zoo_a (zoo.h:1) is, '
                 'in Python; give it another name: FERRY(name = …)\n',
                 'zoo.h:4: error: zoo_def would be "def", which is a word of '
                 'its own in Python; ',
                 'zoo.h:5: error: zoo_2d would be "2d", which is no name in '
                 'Python; '])
        b.write(c_writer_lua=writer("""
	gen.names.check({ { name = "a", c_name = "zoo_a", at = "zoo.h:1" } },
	    {}, "Python")"""))
        b.works()


def options():
    with Bench() as b:
        b.write(c_writer_lua=writer('gen.write("a", gen.options.a or "none")'),
                d_writer_lua=PLAIN)
        expect(b.works()["c/a"] == b"none", "an option from nowhere")
        expect(b.works("--option", "c.a=1", "--option", "c.a=x=.y")["c/a"] ==
               b"x=.y", "the later option")
        b.fails("no option c.other", "--option", "c.other=1")
        b.fails("an option for d, which is not written", "--option", "d.a=1",
                status=2)
        b.fails("no option d.a", "--option", "d.a=1", "--lang", "d")
        b.fails("no language e in %s; there is c, d" % b.codegen, "--lang",
                "e", status=2)
        expect(sorted(b.works("--lang", "d,c", "--lang=d")) ==
               ["c/a", "d/zoo.txt"], "languages")
        shutil.rmtree(b.codegen + "/c")
        b.fails("no language c", status=2)


# --- Files ------------------------------------------------------------------

def ages(folder):
    return {path: os.stat(os.path.join(folder, path)).st_mtime_ns
            for path in tree(folder)}


def kept():
    """The same text keeps its file; another replaces it whole."""
    two = writer('gen.write("a", "one")\ngen.write("b", "%s")')
    with Bench() as b:
        b.write(c_writer_lua=two % "two")
        old = os.umask(0o027)
        b.works()
        os.umask(old)
        mode = stat.S_IMODE(os.stat(b.out + "/c/a").st_mode)
        expect(mode == 0o640, "mode %o" % mode)
        for path in ages(b.out):
            os.utime(os.path.join(b.out, path), ns=(10**9, 10**9))
        before = ages(b.out)
        b.works()
        expect(ages(b.out) == before, "touched")
        with open(b.out + "/c/b") as reader:
            b.write(c_writer_lua=two % "three, and longer")
            files = b.works()
            expect(reader.read() == "two", "a reader saw a new text")
        expect(files == {"c/a": b"one", "c/b": b"three, and longer"}, files)
        after = ages(b.out)
        expect(after["c/a"] == before["c/a"], "a was touched")
        expect(after["c/b"] != before["c/b"], "b has its old time")
        write(b.out, {"mine": "not generated"})
        expect("mine" in b.works(), "another's file is gone")


def all_or_nothing():
    """A language that fails leaves nothing of those before it; both say what
    they have to say."""
    with Bench() as b:
        b.write(d_writer_lua=writer('gen.fail("zoo.h:1", "d")'),
                e_writer_lua=writer('gen.fail("zoo.h:2", "e")'))
        b.fails(["zoo.h:1: error: d", "zoo.h:2: error: e"], "--lang", "d,e")


def checked():
    with Bench() as b:
        b.write(c_writer_lua=writer(
            'gen.write("a/b", "one")\ngen.write("c", "two")'))
        b.fails(["out/c/a/b: is not there", "out/c/c: is not there"],
                "--check")
        b.works()
        before = ages(b.out)
        succeeds(*b.arguments("--check"))
        expect(ages(b.out) == before, "--check has written")
        write(b.out, {"c/c": "twp"})
        b.fails("out/c/c: differs", "--check")
        write(b.out, {"c/c": "two "})
        b.fails("out/c/c: differs", "--check")
        os.unlink(b.out + "/c/c")
        os.mkdir(b.out + "/c/c")
        b.fails("c/c: cannot be read", "--check")


LIST = "# What ferry gen has written here. It removes what it writes no " \
    "more.\n"


def stale():
    """What an earlier run has written, and nothing else, is named and goes."""
    with Bench() as b:
        b.write(c_writer_lua=writer("""
	for _, path in ipairs { "a", "b/one", "b/two", "d/e/f" } do
		gen.write(path, "")
	end"""))
        b.works()
        expect(read(b.out, "c/.ferry-zoo").decode() ==
               LIST + "a\nb/one\nb/two\nd/e/f\n", tree(b.out))
        write(b.out, {"c/mine": "", "c/b/mine": "", "mine": ""})
        b.write(c_writer_lua=writer('gen.write("a", "")\n'
                                    'gen.write("d", "a file now")'))
        b.fails(["out/c/b/one: is written no more",
                 "out/c/b/two: is written no more",
                 "out/c/d/e/f: is written no more"], "--check")
        expect(sorted(b.works()) == ["c/a", "c/b/mine", "c/d", "c/mine",
                                     "mine"], tree(b.out))
        succeeds(*b.arguments("--check"))
        # And a folder again.
        b.write(c_writer_lua=writer('gen.write("d/e", "")'))
        expect(sorted(b.works()) == ["c/b/mine", "c/d/e", "c/mine", "mine"],
               tree(b.out))


def stale_of_others():
    """Other libraries' in the same folder, and languages not asked for."""
    with Bench() as b:
        b.write(c_writer_lua=writer('gen.write(model.library.name, "")'),
                d_writer_lua=PLAIN)
        b.works("--lang", "d")
        model = json.dumps(MODEL).replace('"zoo"', '"ark"')
        write(b.top, {"zoo.json": model})
        expect(sorted(b.works()) == ["c/ark", "c/zoo", "d/zoo.txt"],
               tree(b.out))


def stale_lies():
    """A list may come from anywhere; it leads nowhere else."""
    with Bench() as b:
        b.works()
        write(b.top, {"away/file": "", "file": ""})
        write(b.out, {"d/file": ""})
        os.symlink("../../away", b.out + "/c/link")
        os.symlink("../../file", b.out + "/c/linked")
        write(b.out, {"c/.ferry-zoo": LIST + "../d/file\nlink/file\n"
                      "../../file\nlinked\n/etc/none\nlink\n\n.\nnone"
                      "\n%s/file" % b.top})
        before = tree(b.top)
        b.works()
        after = tree(b.top)
        expect(after.pop("out/c/.ferry-zoo").decode() == LIST + "zoo.txt\n",
               after)
        before.pop("out/c/.ferry-zoo")
        expect(after == before, after)
        write(b.out, {"c/.ferry-zoo": "somebody's own"})
        for more in (), ("--check",):
            b.fails("c/.ferry-zoo: it is no list of what ferry has written; "
                    "move it away", *more)


def little():
    """No file may grow beyond a few bytes: as on a disk that is full. Python
    ignores the signal that goes with it, and so does its child."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


def unwritable():
    with Bench() as b:
        write(b.top, {"file": ""})
        for out, words in ((b.top + "/file", "Not a directory"),
                           (b.top + "/file/x", "Not a directory"),
                           ("/dev/null", "Not a directory"),
                           ("/proc/none", "cannot make the folder")):
            b.out = out
            refuses(1, words, *b.arguments())
        b.out = b.top + "/out"
        os.makedirs(b.out + "/c/zoo.txt")
        refuses(1, "zoo.txt: cannot be", *b.arguments())
        os.rmdir(b.out + "/c/zoo.txt")
        # A link to a folder: not replaced unseen.
        os.symlink("/proc/self", b.out + "/c/zoo.txt")
        refuses(1, "zoo.txt: cannot be", *b.arguments())
        os.unlink(b.out + "/c/zoo.txt")
        expect(os.listdir(b.out + "/c") == [], "left:", os.listdir(b.out))
        refuses(1, "zoo.txt: cannot be written: File too large",
                *b.arguments(), preexec_fn=little, restore_signals=False)
        expect(os.listdir(b.out + "/c") == [], "left:", os.listdir(b.out))
        if os.getuid() != 0:
            os.chmod(b.out + "/c", 0o555)
            refuses(1, "zoo.txt: cannot be written", *b.arguments())


# --- The same, everywhere ---------------------------------------------------

def same():
    """Of every language that there is: twice, elsewhere, and by --check."""
    languages = sorted(name for name in os.listdir(TEMPLATES) if
                       os.path.exists(TEMPLATES + "/%s/writer.lua" % name))
    with Bench() as b:
        b.codegen = TEMPLATES if languages else b.codegen
        write(b.top, {"zoo.json": read(
            "tests/codegen/zoo/zoo.json").decode() if languages else
            json.dumps(MODEL)})
        lang = ("--lang", ",".join(languages or ["c"]))
        expect(b.works(*lang), "nothing")
        first = tree(b.out)
        other = os.path.join(b.top, "somewhere", "else")
        os.makedirs(other)
        for _ in range(3):
            shutil.rmtree(other)
            os.makedirs(other)
            done = ferry("gen", "../../zoo.json", "--templates",
                         os.path.relpath(b.codegen, other), *lang, cwd=other)
            expect(done.status == 0, done)
            expect(tree(other) == first, "differ:", [
                path for path in set(first) | set(tree(other))
                if first.get(path) != tree(other).get(path)])
        succeeds(*b.arguments("--check", *lang))


for case in (given, templates, failing, names, options, kept, all_or_nothing,
             checked, stale, stale_of_others, stale_lies, unwritable, same):
    case()
finish()

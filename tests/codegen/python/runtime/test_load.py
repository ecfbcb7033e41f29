#!/usr/bin/env python3
"""What a package is told of its library, and which libraries it refuses."""

import ctypes

import rt
from rt import fr
from ferry_runtime import _c


def test_tables():
    p = rt.load(functions={"echo": 0xec40}, records={"point": 0xb01d},
                requires=(0, 1))
    assert p.name == "counter" and p.version == "1.0"
    assert p.layout("point") == fr.Layout(16, 8, {"x": (0, 8), "y": (8, 4)})
    assert p.function("echo") == fr.Function(fr.METHOD, 0, rt.ECHO)
    assert p.function("version") == fr.Function(fr.DIRECT, -1, 0)
    assert p.function("on_noise").kind == fr.EVENT
    assert p.roots == ["counter"] and p.root("counter") == 0
    assert p.model.startswith("{")


def test_direct_calls():
    assert rt.counter.call("version") == b"1.0\0"
    error = rt.raises(rt.CounterError, rt.counter.call, "refuse", b"no\0")
    assert error.code == 7 and str(error) == "no"
    error = rt.raises(rt.CounterError, rt.counter.call, "refuse")
    assert error.code == 7 and str(error) == "status 7"


def refused(path, name, *words, **more):
    error = rt.raises(fr.LoadError, fr.load, path, name, **more)
    for word in words:
        assert word in str(error), (word, str(error))
    assert isinstance(error, ImportError)


def test_another_name():
    refused(rt.path("other"), "counter", "counter: ", "the library `other`")
    refused(rt.path("counter"), "other", "other: ", "the library `counter`")


def test_no_library():
    refused("/nowhere/libcounter.so", "counter", "counter: ", "/nowhere/")
    refused("libc.so.6", "counter", "no library made by `ferry gen`")


def test_function_missing():
    refused(rt.path("counter"), "counter", "no function `step`",
            functions={"echo": 0xec40, "step": 1})


def test_function_changed():
    refused(rt.path("counter"), "counter",
            "counter: function `echo` is another one than this package was "
            "made for", functions={"echo": 0xec41})


def test_record_changed():
    refused(rt.path("counter"), "counter", "record `point` is another one",
            records={"point": 1})
    refused(rt.path("counter"), "counter", "no record `line`",
            records={"line": 1})


def test_runtime_too_old():
    refused(rt.path("counter"), "counter",
            "counter needs ferry-runtime 9.3 or newer", fr.__version__,
            requires=(9, 3))
    # Said first: what else is wrong may come from it.
    refused("/nowhere", "counter", "needs ferry-runtime", requires=(0, 2))


def test_format_unknown():
    refused(rt.path("format"), "counter", "format 9")


def test_abi_unknown():
    refused(rt.path("abi"), "counter", "ABI 99")


def test_structs():
    """Those that this package mirrors are where libferry has them."""
    _c.check_layouts(_c.lib)
    before = _c._STRUCTS["reply"]

    class Reply(ctypes.Structure):
        _fields_ = [("status", ctypes.c_int32), ("data", ctypes.c_uint32)]
    for wrong in (Reply, type("Reply", (ctypes.Structure,), {
            "_fields_": [("state", ctypes.c_int32)]})):
        _c._STRUCTS["reply"] = wrong
        try:
            error = rt.raises(ImportError, _c.check_layouts, _c.lib)
        finally:
            _c._STRUCTS["reply"] = before
        assert "ferry_reply." in str(error)


def test_two_packages():
    other = rt.load("other", functions={"echo": 0x0ddc0de5})
    with rt.blocking() as one, rt.blocking(other) as two:
        assert one.request(rt.ECHO, b"1") == b"1"
        assert two.request(rt.ECHO, b"2") == b"2"


SUBINTERPRETER = """
import sys, rt
try:
    import _interpreters as sub
except ImportError:
    import _xxsubinterpreters as sub
one = sub.create()
text = "import sys; sys.path[:] = %r; import ferry_runtime" % (sys.path,)
said = None
try:
    said = sub.run_string(one, text)
except Exception as error:
    said = error
sub.destroy(one)
print(getattr(said, "formatted", said))
with rt.blocking() as c:    # which that has not ended
    print(c.request(rt.ECHO, b"x"))
"""


def test_subinterpreter():
    """It would end Ferry for the process when it ends: it is refused."""
    done = rt.child(SUBINTERPRETER)
    if "No module named" in done.stdout:
        print("note: no subinterpreters in this Python")
        return
    assert done.returncode == 0, done.stdout
    # 3.12 refuses what comes before, in its own words.
    assert "subinterpreter" in done.stdout, done.stdout
    assert done.stdout.endswith("b'x'\n"), done.stdout


if __name__ == "__main__":
    rt.main(globals())

#!/usr/bin/env python3
"""Integers of C that a mark says are of an enum."""

from zoopkg import main, pytest, run

import ferry_ark as ark
import ferry_runtime
from ferry_ark import Cargo


@run
async def test_both_ways():
    async with ark.Ark.build(300) as a:
        for given, kind, wide in (
                ({}, Cargo.LIST, Cargo.LIST),
                ({"kind": Cargo.FLAGS, "number": 2}, Cargo.FLAGS, Cargo.FLAGS),
                # No value's: they stay numbers.
                ({"kind": 77, "number": 2 ** 40}, 77, 2 ** 40)):
            got = await a.sort(**given)
            assert (got.result, got.wide) == (kind, wide)
            assert isinstance(got.result, Cargo) == isinstance(kind, Cargo)
            assert isinstance(got.wide, Cargo) == isinstance(wide, Cargo)
        for bad in (256, -1):
            with pytest.raises(ValueError, match="kind"):
                await a.sort(kind=bad)


def test_two_names_of_one_code():
    """The second is another name of the first one's, and of its class."""
    assert ark.ErrorCode.DRIP is ark.ErrorCode.LEAK
    assert ark.Drip is ark.Leak and ark.Drip.__name__ == "Leak"
    errors = ferry_runtime.Errors(ark._library.OF_ERROR, ark.ArkError)
    assert type(errors.make(3, "")) is ark.Leak


if __name__ == "__main__":
    main(__file__)

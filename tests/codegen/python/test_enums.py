#!/usr/bin/env python3
"""Integers of C that a mark says are of an enum."""

from zoopkg import main, pytest, run

import ferry_ark as ark
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


if __name__ == "__main__":
    main(__file__)

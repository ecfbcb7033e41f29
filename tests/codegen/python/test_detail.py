#!/usr/bin/env python3
"""What an exception says where there is no object to ask."""

from zoopkg import main, pytest, run

import ferry_ark as ark
from ferry_ark import blocking


@run
async def test_a_constructor_s():
    for how, text in ((1, "it has no wings"), (2, "it leaks"),
                      (4, "it leaks"), (5, "it flew away, 5"),
                      (6, "it flew away, 6")):
        with pytest.raises(ark.Leak, match="^%s$" % text):
            async with ark.Dove.trap(how):
                pass
        with pytest.raises(ark.Leak, match="^%s$" % text):
            blocking.Dove.trap(how)
        assert ark.doves() == 0
    async with ark.Dove.trap(0):
        assert ark.doves() == 1
    assert ark.doves() == 0


@run
async def test_another_object_s():
    async with ark.Ark.build(300) as a:
        with pytest.raises(ark.Leak, match="^deck 13 is wet$"):
            await a.patch(13)
        assert (await a.count()).decks == 0
        deck = await a.patch(12)
        assert (await a.count()).decks == 1
        await deck.close()


@run
async def test_the_thread_s_last_error():
    async with ark.Ark.build(300) as a:
        for text, told in (("no hay", "no hay"), (None, "it leaks")):
            with pytest.raises(ark.Leak, match="^%s$" % told):
                await a.complain(text=text)
    with pytest.raises(ark.ArkError, match="no straw"):
        ark.grumble(text="no straw")


if __name__ == "__main__":
    main(__file__)

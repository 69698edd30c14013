"""Lists that are cut into pages without being made whole."""

from __future__ import annotations

import random

import pytest

from siscon.sandbox.wire import Joined, Without, encode, quote


@pytest.mark.parametrize("seed", range(60))
def test_left_out_positions_never_show_and_all_others_show_once(seed: int) -> None:
    rng = random.Random(seed)
    total = rng.randrange(1, 400)
    gone = sorted(rng.sample(range(total), rng.randrange(0, total)))
    left = [index for index in range(total) if index not in set(gone)]

    listed = Without(Joined(range(total // 3), range(total // 3, total)), gone)

    assert len(listed) == len(left)
    for limit in (1, 7, 100, 500):
        for offset in range(0, len(left) + 3, 11):
            assert list(listed.cut(offset, limit)) == left[offset : offset + limit]


def test_joined_sequences_read_as_one() -> None:
    joined = Joined(range(3), [], [7, 8], range(20, 25))

    assert len(joined) == 10
    assert list(joined.cut(2, 4)) == [2, 7, 8, 20]
    assert list(joined.cut(10, 5)) == []


@pytest.mark.parametrize("text", ['"', "\\", "\x1b]52;c;x\x07", "\x9b", "\u202e", "é", "\U0001f469"])
def test_one_text_is_written_as_the_encoder_writes_it(text: str) -> None:
    assert quote(text) == encode(text)

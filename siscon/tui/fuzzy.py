"""How well a few letters mean a text: they stand in it in their order, and count more where words begin."""

from __future__ import annotations

HIT, AT_WORD, NEXT = 1, 8, 4
_NO = float("-inf")


def score(letters: str, text: str) -> float | None:
    """The best way to find ``letters`` in ``text``, whatever their case; None where they are not there in this order.

    Each letter counts; one that begins a word counts most, one that follows the last found letter counts more.
    """
    wanted = "".join(letters.split()).casefold()
    have = text.casefold()
    if not wanted:
        return 0.0
    begins = [at == 0 or not have[at - 1].isalnum() for at in range(len(have))]
    before: list[float] = []
    for place, letter in enumerate(wanted):
        now = []
        best = 0.0 if not place else _NO
        for at, here in enumerate(have):
            chained = before[at - 1] + NEXT if place and at else _NO
            base = max(best, chained)
            now.append(base + HIT + (AT_WORD if begins[at] else 0) if here == letter else _NO)
            if place:
                best = max(best, before[at])
        before = now
    found = max(before, default=_NO)
    return None if found == _NO else found


def best_first(letters: str, texts: dict[str, str]) -> list[str]:
    """The keys of the texts that letters may mean, the likeliest first, of equals the shorter text."""
    found = [(hit, key) for key, text in texts.items() if (hit := score(letters, text)) is not None]
    return [key for _, key in sorted(found, key=lambda one: (-one[0], len(texts[one[1]])))]

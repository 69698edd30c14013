"""Free text for strangers: only words that siscon itself says are left, whatever else may stand between them.

What is not known is struck. Names, ids and values need not be recognised for that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from siscon.domain.privacy import STRUCK, Secret, strike

_QUOTED = re.compile(r"""(?<![^\s(\[:=,])(['"“‘«`])(?=\S)[^\n]{0,300}?['"”’»`](?![\w])""")
_RUN = re.compile(r"\S+")
_CORE = re.compile(r"^([^\w#]*)(.*?)([^\w%]*)$", re.DOTALL)
_COUNT = re.compile(r"#?\d{1,3}(,\d{3})*(\.\d{1,2})?%?")
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?")
_DATE = re.compile(r"(\d{4})-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?")
_JOINED = re.compile(r"[-/.:=_]+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Masker:
    """Strikes what it does not know. ``words`` are known as they are written; ``names`` are people's, and go though
    they may be words. Dates before ``first_year`` are birth dates until proved otherwise.
    """

    words: Collection[str]
    first_year: int
    secrets: tuple[Secret, ...] = ()
    names: Collection[str] = field(default_factory=frozenset)

    def masked(self, text: str) -> str:
        """The text with what is not known struck; several strokes in a row are one."""
        told = _QUOTED.sub(STRUCK, strike(text, self.secrets))
        return re.sub(r"\*{3}(\s+\*{3})+", STRUCK, _RUN.sub(lambda found: self._run(found[0]), told))

    def _run(self, run: str) -> str:
        found = _CORE.match(run)
        assert found is not None, "it matches everything"
        before, core, after = found.groups()
        safe = (one if one.isascii() and len(one) <= 3 else "" for one in (before, after))
        lead, tail = safe
        return f"{lead}{core if self.knows(core) else STRUCK}{tail}"

    def knows(self, core: str) -> bool:
        """Whether a word, a number or a moment may be left."""
        if not core or core in STRUCK:
            return True
        if _COUNT.fullmatch(core) or _CLOCK.fullmatch(core):
            return True
        if date := _DATE.fullmatch(core):
            return int(date[1]) >= self.first_year
        if core in self.words:
            return core.lower() not in self.names or core.islower()
        pieces = [one for one in _JOINED.split(core) if one]
        return len(pieces) > 1 and all(_WORD.fullmatch(one) and self.knows(one) for one in pieces)


def tail_of(name: str) -> str:
    """What may be told of an id: that there is one, and its last two signs where it is long enough to hide the rest."""
    return f"…{name[-2:]}" if len(name) >= 6 else "…"


def capitals_in(texts: Iterable[str], words: Collection[str]) -> set[str]:
    """Known words with a capital that stand in texts: such a one may be somebody's name all the same."""
    return {one for text in texts for one in _WORD.findall(text) if one in words and not one.islower()}

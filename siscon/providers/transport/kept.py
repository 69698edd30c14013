"""Answers that are kept for a while: few, small, in memory, and asked for conditionally once they are old."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from siscon.providers.contract import Answer

KEPT_BYTES = 8 * 1024 * 1024
ENTRY_BYTES = 512
"""What an answer costs beside its body."""


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: Answer
    until_s: float
    size: int


class KeptAnswers:
    """The answers of one credential by URL; the ones not asked for longest make room (``most_bytes`` in all)."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._size = 0

    def fresh(self, url: str, now_s: float) -> Answer | None:
        """The answer while its time lasts."""
        entry = self._entries.get(url)
        if entry is None or now_s >= entry.until_s:
            return None
        self._entries.move_to_end(url)
        return entry.answer

    def conditions(self, url: str) -> dict[str, str]:
        """The headers that ask whether an old answer still holds (RFC 9110, section 13.1); empty without one."""
        entry = self._entries.get(url)
        if entry is None:
            return {}
        told = {
            "If-None-Match": entry.answer.headers.get("etag", ""),
            "If-Modified-Since": entry.answer.headers.get("last-modified", ""),
        }
        return {name: text for name, text in told.items() if text}

    def renew(self, url: str, headers: Mapping[str, str], until_s: float) -> Answer | None:
        """What is kept holds on (304); its headers are brought up to date. None: it is gone meanwhile."""
        entry = self._entries.get(url)
        if entry is None:
            return None
        told = {name: text for name, text in headers.items() if not name.startswith("content-")}
        answer = replace(entry.answer, headers={**entry.answer.headers, **told})
        self._entries[url] = replace(entry, answer=answer, until_s=until_s)
        self._entries.move_to_end(url)
        return answer

    def keep(self, answer: Answer, url: str, until_s: float) -> None:
        """Keep an answer, unless it is too large or the server forbids it (RFC 9111, section 5.2.2.5)."""
        self._drop(url)
        size = len(answer.body) + len(url) + ENTRY_BYTES
        no_store = "no-store" in answer.headers.get("cache-control", "").lower()
        if answer.status != 200 or no_store or size > self._most_bytes // 4:
            return
        self._entries[url] = _Entry(answer, until_s, size)
        self._size += size
        while self._size > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, url: str) -> None:
        entry = self._entries.pop(url, None)
        if entry is not None:
            self._size -= entry.size

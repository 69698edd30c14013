"""Asking a OneRoster server in the way it stands: what it refuses is left out from then on, and told once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from siscon.domain.errors import ProviderError
from siscon.providers.contract import Answer, Api

REFUSED = frozenset({"bad_request", "refused_values"})
"""Codes of refusals that say that the form of a request was wrong (400, 422)."""

USUAL_LIMIT = 100
"""``limit`` that every server grants (1.1 section 3.4.1, 1.2 section 3.5.1: the default)."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What may stand in a request; ``after`` is the operator for dates, empty where dates are refused."""

    sort: str
    after: str = ">="
    filters: bool = True
    limit: int = 1_000_000

    def params(self, clause: str, since: str | None, offset: int, size: int) -> dict[str, str | int]:
        """The parameters of one page; at most two filter clauses (1.1 section 3.4.3, 1.2 section 3.5.3)."""
        found: dict[str, str | int] = {"limit": min(size, self.limit), "offset": offset}
        clauses = [clause] if clause and self.filters else []
        if since is not None and self.after and self.filters:
            clauses.append(f"dateLastModified{self.after}'{since}'")
        if clauses:
            found["filter"] = " AND ".join(clauses)
        if self.sort:
            found["sort"] = self.sort
        return found

    def others(self) -> Iterator[tuple[Manner, str]]:
        """What to try when this is refused, the least loss first, each with its note."""
        yield replace(self, sort=""), "refuses to sort"
        yield replace(self, after=">"), "knows no >= for dates"
        yield replace(self, after=""), "refuses to filter by date: changed lists are read in full"
        yield replace(self, filters=False), "refuses filters: siscon picks by itself, and reads all"
        yield replace(self, limit=USUAL_LIMIT), f"refuses page_size: {USUAL_LIMIT} is asked for"
        plain = Manner("", "", filters=False, limit=USUAL_LIMIT)
        yield plain, "takes neither filter, sort nor page_size"


class Asking:
    """The pages of lists below ``service``; it learns from refusals."""

    def __init__(self, api: Api, service: str, sort: str) -> None:
        self._api = api
        self._service = service.strip("/")
        self._manner = Manner(sort)
        self._told = ""

    async def page(
        self, path: str, clause: str, since: str | None, offset: int, size: int, *, keep_s: float = 0.0
    ) -> Answer:
        """One page; where the server refuses its form, the first form that it takes. A first page may be kept."""
        params = self._manner.params(clause, since, offset, size)
        try:
            return await self.get(path, params, keep_s=0.0 if offset else keep_s)
        except ProviderError as error:
            if error.code not in REFUSED:
                raise
            found = await self._another_way(path, clause, since, offset, size)
            if found is None:
                raise
            return found

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        """What lies at a path of the service."""
        return await self._api.get(f"{self._service}/{path}", params, keep_s=keep_s)

    def note(self) -> str:
        """What was learned since the last time it was asked for."""
        told, self._told = self._told, ""
        return told

    async def _another_way(
        self, path: str, clause: str, since: str | None, offset: int, size: int
    ) -> Answer | None:
        tried = [self._manner.params(clause, since, offset, size)]
        for manner, note in self._manner.others():
            params = manner.params(clause, since, offset, size)
            if params in tried:
                continue
            tried.append(params)
            try:
                answer = await self.get(path, params)
            except ProviderError as error:
                if error.code not in REFUSED:
                    raise
            else:
                self._manner, self._told = manner, f"The SIS {note}."
                return answer
        return None

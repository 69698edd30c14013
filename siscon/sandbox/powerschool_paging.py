"""What all of PowerSchool's lists share: refusals, pages, and search results that are kept."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any

from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Asked, Joined, answer_json, encode


class Refused(Exception):
    """The request cannot be answered as asked."""

    def __init__(
        self, status: int, message: str, *, field: str = "", code: str = "", resource: str = "sandbox"
    ) -> None:
        super().__init__(message)
        body: dict[str, Any] = {"message": message}
        if field or code:
            body["errors"] = [{"resource": resource, "field": field, "code": code}]
        self.answer = answer_json(body, status)


class Found:
    """Search results that are kept, so that the next page need not search again."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], array[int]] = {}

    def remember(self, key: tuple[object, ...], search: Callable[[], Joined | array[int]]) -> Joined:
        """What was found before under this key, or what is found now."""
        found = self._known.get(key)
        if found is None:
            result = search()
            if isinstance(result, Joined):
                return result
            if len(self._known) >= 8:
                self._known.clear()
            found = self._known[key] = result
        return Joined(found)


def page_of(asked: Asked, quirks: Quirks) -> tuple[int, int]:
    """Number and size of the page that is asked for; without a size the largest there is."""
    cap = quirks.max_page_size
    page, size = number(asked, "page", 1), number(asked, "pagesize", cap)
    if page < 1 or size < 1:
        raise Refused(400, "page and pagesize must be 1 or more", field="pagesize", code="Invalid")
    if size > cap:
        if quirks.over_cap == "error":
            raise Refused(400, f"pagesize must not exceed {cap}", field="pagesize", code="Invalid")
        size = cap
    if quirks.repeat_page and page > 2:
        page = 2
    return page, size


def text_of(row: Mapping[str, Any] | str) -> str:
    """A row as JSON, which it may be already."""
    return row if isinstance(row, str) else encode(row)


def number(asked: Asked, name: str, default: int) -> int:
    """A parameter that is a whole number."""
    text = asked.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refused(400, f"{name} must be a number", field=name, code="Invalid")
    return int(text)

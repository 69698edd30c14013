"""Whole pages from bytes to records in one go; only when something does not fit, item by item."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, make_dataclass, replace
from dataclasses import field as field_of
from dataclasses import fields as fields_of
from functools import cached_property
from typing import Annotated, Any, TypeVar

from pydantic import StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict as TypedDict  # pydantic wants this one before Python 3.12

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Part, Record
from siscon.domain.text import plain
from siscon.providers.contract import Answer, Page, Rejected, sort_out
from siscon.providers.kit.coerce import MAX_ID, MAX_TEXT, as_id, as_list, check_texts, digits_as_text
from siscon.providers.kit.moments import latest_of

R = TypeVar("R", bound=Record)

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None
"""Text in a wire row as it is; a number in its place makes the page take the slow way, which turns it into text."""

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID)]
"""An id that the SIS writes as text."""

_NUL = rb"\u0000"

DIGITS_MOST = 400
"""A whole number of more digits is none that a record could hold."""
DEPTH_MOST = 32
"""No record of an SIS is nested deeper."""


def maker(kind: type[R]) -> Callable[..., R]:
    """A constructor of a frozen record, by position, at a third of its cost.

    A frozen dataclass sets each field through ``object.__setattr__``. A twin with the same slots that is not
    frozen sets them directly, and is then given the record's own class; the layouts are equal.
    """
    members = [
        (one.name, Any, field_of(default=one.default)) if one.name != "external_id" else (one.name, Any)
        for one in fields_of(kind)
    ]
    twin = make_dataclass(f"_{kind.__name__}Twin", members, slots=True, eq=False)

    def make(*values: Any) -> R:
        record = twin(*values)
        record.__class__ = kind
        return record  # type: ignore[no-any-return]  # the twin has become one

    return make


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one body held: ``received`` items in all, of which some may have been left out on purpose.

    ``ids`` are those of all items in order, empty text for one that has none; an empty list where nobody read them.
    ``announced`` is the number of records in the whole list, where the body tells it; ``modified`` says when the SIS
    last changed which of the records, as in a page.
    """

    records: list[Record | Part]
    rejected: list[Rejected]
    received: int
    announced: int | None = None
    ids: Sequence[str] = ()
    modified: Mapping[str, str] = field(default_factory=dict)


class PageDecoder:
    """Decodes one kind of list: where its rows stand, their shape, and how a row becomes a record.

    ``page`` is a ``TypedDict`` of the whole body. ``keys`` lead to the rows; an SIS may leave out the keys after
    ``keys[0]`` when there are no rows, and send one object where there is one row. ``mark`` is a key by which the
    list is known, if not ``keys[0]``; ``count_key`` one that announces the number of records; ``moment_key`` one in
    each row that says when the SIS last changed it (``Any`` in the row's shape: nonsense there harms nobody). ``part``
    names what rows are that are no records by themselves, ``fills`` the fields that they tell.
    """

    def __init__(
        self,
        page: Any,
        row: Any,
        keys: tuple[str, ...],
        to_record: Callable[[Any], Record | Part | None],
        *,
        id_key: str,
        mark: str = "",
        count_key: str = "",
        moment_key: str = "",
        part: str = "",
        fills: tuple[str, ...] = (),
    ) -> None:
        self._page_shape, self._row_shape = page, row
        self._keys = keys
        self._to_record = to_record
        self._id_key = id_key
        self._marks = {keys[0], mark} - {""}
        self._count_key = count_key
        self._moment_key = moment_key
        self.part, self._fills = part, fills

    def adapted(
        self, change: Callable[[Callable[[Any], Record | Part | None]], Callable[[Any], Record | Part | None]]
    ) -> PageDecoder:
        """A decoder of the same list whose rows become records in a changed way."""
        found = copy(self)
        found._to_record = change(self._to_record)
        return found

    @cached_property
    def _page(self) -> TypeAdapter[Any]:
        """Built at the first page: it costs 10 ms, and whoever only checks a configuration never needs it."""
        return TypeAdapter(self._page_shape)

    @cached_property
    def _row(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._row_shape)

    def read(self, answer: Answer, request: str) -> Decoded:
        """The records of an answer; bad rows come back rejected, a body that is no such list raises."""
        body = self._decoded(answer.body)
        if body is None:
            return self._read_slowly(answer, request)
        rows, announced = self._rows(body, request), self._announced(body)
        to_record = self._to_record
        try:
            made = [to_record(row) for row in rows]
        except RecordError:
            made = None
        if made is None:
            return replace(self._read_one_by_one(rows, answer, request), announced=announced)
        key = self._id_key
        ids = [str(row.get(key) or "") for row in rows]
        records = [one for one in made if one is not None]
        return Decoded(records, [], len(made), announced, ids, self._moments(zip(made, rows, strict=True)))

    def _moments(self, made: Iterable[tuple[Record | Part | None, Any]]) -> Mapping[str, str]:
        key = self._moment_key
        if not key:
            return {}
        return latest_of([(one.external_id, row.get(key)) for one, row in made if one is not None])

    def _decoded(self, body: bytes) -> Any:
        """The body as the wire models have it; None where something does not fit.

        What pydantic raises holds values, so no later error may be raised while it is handled.
        """
        if _NUL in body:
            return None
        try:
            json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
            return self._page.validate_json(body)
        except (ValueError, RecursionError):
            return None

    def read_alone(self, answer: Answer, key: str, request: str) -> Decoded:
        """The record of an answer that holds one object under ``key``; a bad one comes back rejected.

        Some servers answer with the list of one, or of none, instead; nothing under the key is no record.
        """
        body = parse(answer.body, request)
        found = body if isinstance(body, dict) and type(body) is not Twice else {}
        rows = [one for one in as_list(found.get(key, found.get(self._keys[0]))) if one or one == 0]
        if found.keys().isdisjoint((key, self._keys[0])) or len(rows) > 1:
            raise ProviderError(
                f"{request} answered with JSON without one {key!r}. Check base_url and the version setting.",
                code="unexpected_answer",
            )
        return self._sorted_out(rows)

    def read_row(self, raw: str) -> Decoded:
        """One row once more, as it stood in ``Rejected.raw``."""
        return self._sorted_out([parse(raw.encode(), "the row")])

    def _read_one_by_one(self, rows: Sequence[Any], answer: Answer, request: str) -> Decoded:
        """The form of all rows is right, what some hold is not: those are rejected with their raw text."""
        raws = self._rows(parse(answer.body, request), request)
        pairs = list(zip(rows, raws, strict=True))
        made: list[tuple[Record | Part | None, Any]] = []

        def to_record(pair: tuple[Any, Any]) -> Record | Part | None:
            made.append((self._to_record(pair[0]), pair[0]))
            return made[-1][0]

        good, bad = sort_out(
            pairs,
            to_record,
            id_of=lambda pair: self._id_of(pair[1]),
            raw_text=lambda pair: raw_text(pair[1]),
        )
        ids = [self._id_of(raw) or "" for raw in raws]
        return Decoded(good, self._of_part(bad), len(rows), ids=ids, modified=self._moments(made))

    def _rows(self, body: Any, request: str) -> Sequence[Any]:
        """The rows; without the first key the body is another thing than a list, for example an error."""
        if type(body) is Twice:
            raise _unreadable(request, "names a key twice")
        if not isinstance(body, dict) or self._marks.isdisjoint(body):
            raise ProviderError(
                f"{request} answered with JSON without {self._keys[0]!r}. Check base_url and the version setting.",
                code="unexpected_answer",
            )
        for key in self._keys:
            body = body.get(key) if isinstance(body, dict) else None
        return as_list(body)

    def _announced(self, body: Any) -> int | None:
        count = body.get(self._count_key) if self._count_key else None
        text = str(count) if type(count) in (int, str) else ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

    def _read_slowly(self, answer: Answer, request: str) -> Decoded:
        """The same with the standard parser, which accepts more, and each row on its own."""
        body = parse(answer.body, request)
        raws = self._rows(body, request)
        return replace(self._sorted_out(raws), announced=self._announced(body))

    def _sorted_out(self, raws: Sequence[Any]) -> Decoded:
        """Raw rows, each on its own."""
        made: list[tuple[Record | Part | None, Any]] = []

        def to_record(raw: Any) -> Record | Part | None:
            made.append((self._one(raw), raw))
            return made[-1][0]

        good, bad = sort_out(raws, to_record, id_of=self._id_of, raw_text=raw_text)
        ids = [self._id_of(raw) or "" for raw in raws]
        return Decoded(good, self._of_part(bad), len(raws), ids=ids, modified=self._moments(made))

    def _of_part(self, bad: list[Rejected]) -> list[Rejected]:
        return [replace(one, part=self.part, fields=self._fills) for one in bad] if self.part else bad

    def _one(self, raw: Any) -> Record | Part | None:
        if self._moment_key and isinstance(raw, dict) and type(raw) is not Twice:
            raw = {name: one for name, one in raw.items() if name != self._moment_key}
        check_json(raw)
        try:
            row = self._row.validate_python(raw)
        except ValidationError:
            row = self._with_digits_as_text(raw)
        check_texts(row)
        return self._to_record(row)

    def _with_digits_as_text(self, raw: Any) -> Any:
        """The row of an SIS that writes text of digits only as a number."""
        try:
            return self._row.validate_python(digits_as_text(raw))
        except ValidationError as error:
            place = ".".join(
                str(one) for one in error.errors(include_input=False)[0]["loc"] if isinstance(one, str)
            )
            field = plain(place or "record", limit=60)
            raise RecordError(
                f"{field} does not have the form that the SIS documents.", field=field, code="bad_shape"
            ) from None

    def _id_of(self, raw: Any) -> str | None:
        try:
            return as_id(raw.get(self._id_key), self._id_key) if isinstance(raw, dict) else None
        except RecordError:
            return None


def first_good(readings: Iterable[Decoded]) -> Page:
    """Of several ways to read one row the first that makes a record of it, else how the last refuses it."""
    page = Page([], None)
    for one in readings:
        page = Page(one.records, None, one.rejected)
        if one.records:
            break
    return page


class Twice(dict[str, Any]):
    """An object in which a key stood twice: nobody can know which value was meant."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Only look: pydantic takes the last value of a key that stands twice, and says nothing."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Twice(pairs)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _bounded(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS_MOST else math.inf


def parse(body: bytes, request: str) -> Any:
    """JSON by the standard parser, or a ``ProviderError`` that says so.

    Objects with a key twice come as :class:`Twice`, numbers too long as infinite ones; :func:`check_json` finds both.
    """
    try:
        return json.loads(body, object_pairs_hook=_marked, parse_int=_bounded)
    except (ValueError, RecursionError) as error:
        raise _unreadable(request, type(error).__name__) from None


def _unreadable(request: str, why: str) -> ProviderError:
    return ProviderError(
        f"{request} answered with JSON that cannot be read. The answer was cut off or damaged on its way.",
        code="not_json",
        detail=why,
    )


def check_json(value: Any, field: str = "record", depth: int = 0) -> None:
    """Refuse what JSON has no meaning for, wherever in a row: a key twice, a number that is none, endless nesting."""
    if depth > DEPTH_MOST:
        raise RecordError(
            f"{field} is nested too deep. Report it to the vendor.", field=field, code="too_deep"
        )
    if type(value) is float and not math.isfinite(value):
        raise RecordError(f"{field} is no number. Correct it in the SIS.", field=field, code="bad_number")
    if type(value) is Twice:
        raise RecordError(
            f"{field} holds a key twice. Report it to the vendor.", field=field, code="duplicate_key"
        )
    if isinstance(value, dict):
        for name, one in value.items():
            check_json(one, plain(name, limit=60), depth + 1)
    elif type(value) is list:
        for one in value:
            check_json(one, field, depth + 1)


def raw_text(raw: Any) -> str:
    """A raw row as JSON text that any database can keep."""
    return json.dumps(raw, ensure_ascii=True, separators=(",", ":"))

"""Lists of rows decoded plainly: JSON by key, each row made a record by a function of the provider's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Part, Record
from siscon.providers.contract import Answer, sort_out
from siscon.providers.kit.cells import Cells
from siscon.providers.kit.coerce import as_id
from siscon.providers.kit.decode import Decoded, parse, raw_text
from siscon.providers.kit.moments import latest_of

ToRecord = Callable[[Cells], Record | Part | None]
"""Makes a record of one row; raises ``RecordError`` when it makes no sense; None leaves the row out on purpose."""


class JsonRows:
    """Reads a list that stands under ``key`` of a JSON object (dots lead deeper; empty: the answer is the list).

    ``id_key`` names the external id, for rows that are rejected; ``count_key`` (dots lead deeper) a number that
    announces the length of the whole list; ``moment_key`` what says in each row when the SIS last changed it.
    """

    def __init__(
        self, key: str, to_record: ToRecord, *, id_key: str = "id", count_key: str = "", moment_key: str = ""
    ) -> None:
        self._path = tuple(key.split(".")) if key else ()
        self._to_record = to_record
        self._id_key, self._moment_key = id_key, moment_key
        self._count_path = tuple(count_key.split(".")) if count_key else ()

    def read(self, answer: Answer, request: str) -> Decoded:
        """The records of an answer; bad rows come back rejected, a body that is no such list is a ``ProviderError``."""
        body = parse(answer.body, request)
        rows = _at(body, self._path)
        if not isinstance(rows, list):
            where = f"without the list {'.'.join(self._path)!r}" if self._path else "that is no list"
            raise ProviderError(
                f"{request} answered with JSON {where}. Check base_url and the version of the SIS.",
                code="unexpected_answer",
            )
        count = _at(body, self._count_path) if self._count_path else None
        return decoded(
            rows,
            self._to_record,
            id_key=self._id_key,
            announced=number_in(count),
            moment_key=self._moment_key,
        )

    def read_row(self, raw: str) -> Decoded:
        """One row once more, as it stood in ``Rejected.raw``."""
        return decoded([parse(raw.encode(), "the row")], self._to_record, id_key=self._id_key)


def decoded(
    rows: Sequence[Any],
    to_record: ToRecord,
    *,
    id_key: str,
    announced: int | None = None,
    moment_key: str = "",
) -> Decoded:
    """Rows as records and rejects; whatever is no object is rejected, too.

    What stands under ``moment_key`` and is no ISO 8601 moment with an offset says nothing, and harms nobody.
    """
    told: list[tuple[str, Any]] = []

    def made(row: Any) -> Record | Part | None:
        record = to_record(_cells(row))
        if record is not None and moment_key:
            told.append((record.external_id, row.get(moment_key)))
        return record

    good, bad = sort_out(rows, made, id_of=lambda row: _id_in(row, id_key), raw_text=raw_text)
    return Decoded(good, bad, len(rows), announced, modified=latest_of(told))


def number_in(value: Any) -> int | None:
    """A whole number from 0 on, written as a number or as digits; None for anything else."""
    text = str(value) if type(value) in (int, str) and len(str(value)[:16]) < 12 else ""
    return int(text) if text.isascii() and text.isdigit() else None


def _at(body: Any, path: Sequence[str]) -> Any:
    for key in path:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _cells(row: Any) -> Cells:
    if not isinstance(row, dict):
        raise RecordError("The row is no object. Ask the vendor what it means.", code="bad_shape")
    return Cells(row)


def _id_in(row: Any, id_key: str) -> str | None:
    try:
        return as_id(row.get(id_key), id_key) if isinstance(row, dict) else None
    except RecordError:
        return None

"""One foreign row, read field by field: each method names the field it reads, so that a refusal names it, too."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain.records import custom_text
from siscon.providers.contract import Raw
from siscon.providers.kit.coerce import (
    as_bool,
    as_choice,
    as_date,
    as_id,
    as_list,
    as_map,
    as_ref,
    as_text,
    required,
)


class Cells:
    """The fields of a row. What makes no sense raises ``RecordError``: the row is rejected, the others arrive.

    ``raw`` is the row as it came. A field that is absent, None or empty text is None where None is allowed.
    """

    def __init__(self, raw: Raw, inside: str = "") -> None:
        self.raw = raw
        self._inside = inside

    def _name(self, field: str) -> str:
        return f"{self._inside}.{field}" if self._inside else field

    def id(self, field: str) -> str:
        """An id as text: digits of a whole number, or text without surrounding white space; it must be there."""
        return as_id(self.raw.get(field), self._name(field))

    def ref(self, field: str) -> str | None:
        """The id of another record, or None."""
        return as_ref(self.raw.get(field), self._name(field))

    def refs(self, field: str) -> tuple[str, ...]:
        """Ids of other records: of a list, or of one value."""
        return tuple(as_id(one, self._name(field)) for one in as_list(self.raw.get(field)))

    def text(self, field: str) -> str | None:
        """Text as it is, a whole number by its digits, or None."""
        return as_text(self.raw.get(field), self._name(field))

    def need(self, field: str) -> str:
        """Text that the record cannot do without."""
        return required(self.text(field), self._name(field))

    def date(self, field: str) -> str | None:
        """``YYYY-MM-DD`` (of a timestamp its date as written), or None."""
        return as_date(self.raw.get(field), self._name(field))

    def need_date(self, field: str) -> str:
        """A date that the record cannot do without."""
        return required(self.date(field), self._name(field))

    def yes(self, field: str) -> bool | None:
        """True or false in the usual spellings, or None."""
        return as_bool(self.raw.get(field), self._name(field))

    def choice(self, field: str, choices: Mapping[str, str], *, other: str | None = None) -> str:
        """Our word for theirs; keys of ``choices`` in lower case; ``other`` for words not known, else a refusal."""
        return as_choice(self.raw.get(field), self._name(field), choices, other=other)

    def inner(self, field: str) -> Cells:
        """The fields of an object inside the row; none where there is no object."""
        return Cells(as_map(self.raw.get(field)), self._name(field))

    def custom(self, *fields: str) -> str | None:
        """The district's own fields among these (none named: all of the row) as the ``custom`` of a record."""
        return custom_text({field: self.text(field) for field in fields or self.raw})

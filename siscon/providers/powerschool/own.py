"""The fields that a district added to PowerSchool: extension tables, as the resources of ``/ws/v1`` carry them.

Fact: plugin API reference, "extensions": asked for by name, told in ``@extensions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from siscon.domain.records import custom_text
from siscon.providers.kit.coerce import as_list, as_map, as_text


class OwnFields:
    """Reads a district's own fields out of extension tables, as ``custom`` of a record.

    ``{"_table_extension": [{"name": "u_x", "_field": [{"name": "bus", "value": "R1"}]}]}``; one table or field alone
    is an object. A name without a table means the first table that has such a field.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple((name, name.lower()) for name in names)

    def text(self, row: Any) -> str | None:
        """The wanted fields of one row."""
        found: dict[str, str | None] = {}
        for table in as_list(as_map(row.get("_extension_data")).get("_table_extension")):
            named = str(as_map(table).get("name") or "").lower()
            for one in map(as_map, as_list(as_map(table).get("_field"))):
                name = str(one.get("name") or "").lower()
                value = as_text(one.get("value"), name or "custom field")
                for key in (name, f"{named}.{name}"):
                    found.setdefault(key, value)
        return custom_text({name: found.get(key) for name, key in self._names})

"""Text as twins and seekers share it, in SQL: plain text folded by the database, any other by the rule of the house."""

from __future__ import annotations

from sqlite3 import Connection

from siscon.domain.identity import folded, letters

FOLDED = "CASE WHEN {value} GLOB '*[^ -~]*' THEN folded({value}) ELSE lower(trim({value})) END"
LETTERS = "CASE WHEN {value} GLOB '*[^a-zA-Z]*' THEN letters({value}) ELSE lower({value}) END"


def teach(connection: Connection) -> None:
    """Give a connection the functions that these expressions call."""
    for name, rule in (("folded", folded), ("letters", letters)):
        connection.create_function(name, 1, rule, deterministic=True)

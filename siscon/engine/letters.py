"""Any script written in ASCII: the door to the library that knows how."""

from __future__ import annotations

from anyascii import anyascii


def to_ascii(text: str) -> str:
    """The letters of a text in ASCII, as near as they can be written; what cannot be is left out."""
    return anyascii(text)

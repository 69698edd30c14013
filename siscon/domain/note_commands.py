"""Commands that change no data, but have the audit say what was done or was not; part of
:mod:`siscon.domain.commands`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A request that lay in the inbox is not to be carried out."""

    kind: ClassVar[str] = "take_back"
    request: int


@dataclass(frozen=True, slots=True)
class NoteExport:
    """Rows with pupils' data are written into a file: the audit is to say how many, of what, and with which columns."""

    kind: ClassVar[str] = "note_export"
    what: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoteDenial:
    """Somebody asked for what the role does not allow; nothing was done. ``what``: a command's kind, or an act."""

    kind: ClassVar[str] = "note_denial"
    what: str
    role: str

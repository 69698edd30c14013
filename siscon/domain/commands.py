"""Everything that a person may ask the engine for: one small dataclass each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, get_args

from siscon.domain.command_shapes import FITS
from siscon.domain.house_commands import MuteCause as MuteCause
from siscon.domain.house_commands import PauseIntegration as PauseIntegration
from siscon.domain.house_commands import Purge as Purge
from siscon.domain.house_commands import RefreshToken as RefreshToken
from siscon.domain.house_commands import RemoveIntegration as RemoveIntegration
from siscon.domain.house_commands import ResumeIntegration as ResumeIntegration
from siscon.domain.house_commands import RetryChannel as RetryChannel
from siscon.domain.house_commands import RunChore as RunChore
from siscon.domain.house_commands import StopEngine as StopEngine
from siscon.domain.house_commands import TryChannel as TryChannel
from siscon.domain.note_commands import NoteDenial as NoteDenial
from siscon.domain.note_commands import NoteExport as NoteExport
from siscon.domain.note_commands import TakeBack as TakeBack
from siscon.domain.resting_commands import Backfill as Backfill
from siscon.domain.resting_commands import ContinueRun as ContinueRun
from siscon.domain.resting_commands import PauseRun as PauseRun


class CommandStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class StartRun:
    """Queue an import. ``entities`` empty: all that the provider offers. ``dry``: it ends with its plan."""

    kind: ClassVar[str] = "start_run"
    integration: str
    entities: tuple[str, ...] = ()
    full: bool = False
    dry: bool = False


@dataclass(frozen=True, slots=True)
class CancelRun:
    kind: ClassVar[str] = "cancel_run"
    run_id: int


@dataclass(frozen=True, slots=True)
class ApprovePlan:
    """Let a run apply exactly the plan that it holds, or only ``entities`` of it; ``reason`` stands in the audit."""

    kind: ClassVar[str] = "approve_plan"
    run_id: int
    reason: str
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscardPlan:
    """End a held run without applying anything."""

    kind: ClassVar[str] = "discard_plan"
    run_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Remap:
    """Tie the pairs of a held plan whose ids were changed at the source to their old records; then plan anew.

    ``pairs`` is the number that was shown.
    """

    kind: ClassVar[str] = "remap"
    run_id: int
    pairs: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeclareRollover:
    """Expect a mass change: up to ``share`` of the known records of ``entity`` may be ``what`` (created, updated,
    missing) until a moment.
    """

    kind: ClassVar[str] = "declare_rollover"
    integration: str
    entity: str
    what: str
    share: float
    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndRollover:
    """The expected mass change is over, before its time."""

    kind: ClassVar[str] = "end_rollover"
    rollover_id: int


@dataclass(frozen=True, slots=True)
class SettleConflict:
    """Decide an open conflict: ``choices`` maps each of its fields to ``sis``, ``local`` or ``= a value``.

    ``sis_fingerprint`` and ``local_version`` are those that were shown: if either side has moved on, nothing is
    decided. For a question of identity ``choices`` holds the one word under ``identity``, and of two records that are
    merged may name the ``survivor``.
    """

    kind: ClassVar[str] = "settle_conflict"
    conflict_id: int
    choices: Mapping[str, str]
    sis_fingerprint: str
    local_version: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SettleConflicts:
    """Decide every open conflict that a pattern matches alike, by one run.

    ``where`` narrows: ``entity``, ``field`` (only that field of each is decided), ``sis``, ``local``, ``base`` (the
    value of that side), and a filter as :mod:`siscon.domain.kept_filters` keeps it. ``ids`` are those that are meant,
    ``but`` those that are not; empty: the pattern alone says it. ``take`` is ``sis`` or ``local``; ``expected`` the
    number that was shown, ``up_to`` the newest conflict among them.
    """

    kind: ClassVar[str] = "settle_conflicts"
    integration: str
    where: Mapping[str, str]
    take: str
    expected: int
    up_to: int
    reason: str
    ids: tuple[int, ...] = ()
    but: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EditRecord:
    """Change fields of a local record by hand; the edit stays until somebody releases it. A value None empties."""

    kind: ClassVar[str] = "edit_record"
    integration: str
    entity: str
    external_id: str
    fields: Mapping[str, str | None]
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseEdits:
    """Give fields that were edited by hand back to the SIS. Empty ``external_ids``, ``fields``: all that are."""

    kind: ClassVar[str] = "release_edits"
    integration: str
    entity: str
    external_ids: tuple[str, ...]
    fields: tuple[str, ...]
    expected: int
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawRecords:
    """Withdraw local records by hand: those named, or all that ``where`` (field -> value) matches."""

    kind: ClassVar[str] = "withdraw_records"
    integration: str
    entity: str
    external_ids: tuple[str, ...]
    where: Mapping[str, str]
    expected: int
    reason: str


@dataclass(frozen=True, slots=True)
class CreateAccounts:
    """Give people who have none a user name or an e-mail address. ``fields`` are those that are given, such as
    ``student.username``; ``expected`` people were shown.
    """

    kind: ClassVar[str] = "create_accounts"
    integration: str
    fields: tuple[str, ...]
    expected: int
    reason: str


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """Let an alias be an id of its own again."""

    kind: ClassVar[str] = "split_record"
    integration: str
    entity: str
    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RetryDead:
    """Try dead records again: those named, or all that ``where`` matches, ``but`` some.

    ``where`` narrows by ``entity``, ``code``, ``field``, ``run``, and by a filter as
    :mod:`siscon.domain.kept_filters` keeps it. ``up_to`` is the newest that was counted, 0 what nobody noted: what
    failed later is not meant.
    """

    kind: ClassVar[str] = "retry_dead"
    integration: str
    ids: tuple[int, ...]
    where: Mapping[str, str]
    expected: int
    but: tuple[int, ...] = ()
    up_to: int = 0


@dataclass(frozen=True, slots=True)
class DiscardDead:
    """Give up dead records: those named, or all that ``where`` matches, ``but`` some. They come again
    only if the SIS changes them. ``up_to`` as for a retry.
    """

    kind: ClassVar[str] = "discard_dead"
    integration: str
    ids: tuple[int, ...]
    where: Mapping[str, str]
    expected: int
    reason: str
    but: tuple[int, ...] = ()
    up_to: int = 0


@dataclass(frozen=True, slots=True)
class MendDead:
    """Try a dead record again with other values in what the SIS had said; they count as long as it says the same.

    ``digest`` is that of what was shown: of anything else nothing is mended.
    """

    kind: ClassVar[str] = "mend_dead"
    dead_id: int
    fields: Mapping[str, str | None]
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForgetMend:
    """Let the SIS's own word count again where a person had mended a record."""

    kind: ClassVar[str] = "forget_mend"
    dead_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ForceSync:
    """Fetch one record by its external id now, with what belongs to it."""

    kind: ClassVar[str] = "force_sync"
    integration: str
    entity: str
    external_id: str
    relations: bool = True


@dataclass(frozen=True, slots=True)
class FetchRecords:
    """Fetch several records of one kind by their external ids now, by one run."""

    kind: ClassVar[str] = "fetch_records"
    integration: str
    entity: str
    external_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndoRun:
    """Put back what a run changed: all of it, of one entity, or of one record. ``expected`` changes were shown."""

    kind: ClassVar[str] = "undo_run"
    run_id: int
    entity: str
    external_id: str
    expected: int
    reason: str


Command = (
    StartRun
    | CancelRun
    | ApprovePlan
    | DiscardPlan
    | Remap
    | DeclareRollover
    | EndRollover
    | SettleConflict
    | SettleConflicts
    | EditRecord
    | ReleaseEdits
    | WithdrawRecords
    | CreateAccounts
    | SplitRecord
    | RetryDead
    | DiscardDead
    | MendDead
    | ForgetMend
    | ForceSync
    | FetchRecords
    | UndoRun
    | PauseRun
    | ContinueRun
    | Backfill
    | PauseIntegration
    | ResumeIntegration
    | RemoveIntegration
    | RefreshToken
    | StopEngine
    | TakeBack
    | NoteExport
    | RunChore
    | Purge
    | NoteDenial
    | MuteCause
    | TryChannel
    | RetryChannel
)

_KINDS: dict[str, type[Command]] = {one.kind: one for one in get_args(Command)}


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command as left: who, when, and what came of it. ``answer`` is a sentence for the one who asked.

    Until ``due_at_ms`` it lies, and can be taken back; 0: it is carried out at once.
    """

    id: int
    command: Command
    actor: str
    left_at_ms: int
    status: CommandStatus
    answer: str
    run_id: int | None
    due_at_ms: int = 0
    answered_at_ms: int | None = None


def to_plain(command: Command) -> dict[str, Any]:
    """The arguments of a command as JSON-able values."""
    return asdict(command)


def from_plain(kind: str, values: Any) -> Command:
    """The command that :func:`to_plain` told; raises ``KeyError`` for a kind this version does not know, ``TypeError``
    for what no command holds.
    """
    if not isinstance(values, dict):
        raise TypeError(kind)
    told: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    command = _KINDS[kind](**told)
    if not all(FITS[str(one.type)](getattr(command, one.name)) for one in fields(command)):
        raise TypeError(kind)
    return command

"""Which code carries which kind of run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from siscon.domain.errors import UsageError
from siscon.domain.runs import RunKind, RunStatus
from siscon.engine.account_acts import run_edit
from siscon.engine.importer import run_import
from siscon.engine.job import ImportJob
from siscon.engine.redrive import run_redrive
from siscon.engine.settle import run_settle
from siscon.engine.undo import run_undo

CARRIERS: Mapping[RunKind, Callable[[ImportJob], Awaitable[RunStatus]]] = {
    RunKind.IMPORT: run_import,
    RunKind.REDRIVE: run_redrive,
    RunKind.EDIT: run_edit,
    RunKind.SETTLE: run_settle,
    RunKind.UNDO: run_undo,
}


async def carry(job: ImportJob) -> RunStatus:
    """Carry a run of any kind as far as it goes; the state in which it rests. Raises as :func:`run_import` does."""
    carrier = CARRIERS.get(job.run.kind)
    if carrier is None:
        raise UsageError(f"This siscon cannot carry a run of the kind {job.run.kind}.")
    return await carrier(job)

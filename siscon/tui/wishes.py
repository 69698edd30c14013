"""What an action would ask of the engine: the question put to the person, and the command behind it."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.commands import (
    ApprovePlan,
    CancelRun,
    Command,
    DiscardPlan,
    PauseIntegration,
    RefreshToken,
    ResumeIntegration,
    StartRun,
)
from siscon.domain.integrations import Integration
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.domain.text import plain
from siscon.tui.present import Cell, foreign


@dataclass(frozen=True, slots=True)
class Wish:
    """The question, what it means in sentences, the words of yes, the command."""

    title: str
    lines: tuple[Cell, ...]
    yes: str
    command: Command


def sync(integration: str, *, full: bool = False) -> Wish:
    """An import now."""
    name = plain(integration)
    if full:
        meaning = "Everything is fetched anew; records that the SIS no longer sends are marked as missing."
    else:
        meaning = "What changed in the SIS is applied; what is as before stays untouched."
    return Wish(
        f"Sync {name} now?" if not full else f"Compare all of {name} now?",
        (Cell(meaning), Cell("The run waits in the queue while another one is under way.", "dim")),
        "Yes, queue the run",
        StartRun(integration, full=full),
    )


def cancel(run: Run) -> Wish:
    """The end of a run."""
    return Wish(
        f"Cancel run #{run.id} of {plain(run.integration)}?",
        (
            Cell("The open batch is finished; what is committed stays."),
            Cell("The next run goes on from there.", "dim"),
        ),
        "Yes, cancel the run",
        CancelRun(run.id),
    )


def approve(run: Run) -> Wish:
    """The plan of a held run, applied."""
    return Wish(
        f"Apply the held plan of run #{run.id} of {plain(run.integration)}?",
        (
            foreign(run.error, "warn"),
            Cell("Exactly the plan that is held is applied; nothing is fetched anew."),
        ),
        "Yes, apply it; then say why",
        ApprovePlan(run.id, ""),
    )


def discard(run: Run) -> Wish:
    """The plan of a held run, thrown away."""
    return Wish(
        f"Discard the held plan of run #{run.id} of {plain(run.integration)}?",
        (foreign(run.error, "warn"), Cell("Nothing of it is applied; the next run fetches anew.")),
        "Yes, discard it; then say why",
        DiscardPlan(run.id, ""),
    )


def of_run(action: str, run: Run) -> Wish:
    """The wish behind an action on a run."""
    return {"cancel": cancel, "approve": approve, "discard": discard}[action](run)


def why_not(action: str, run: Run | None) -> str:
    """Why an action cannot act on a run; empty when it can."""
    if run is None:
        return "No run is under the cursor."
    if action == "cancel":
        return why_not_cancel(run)
    waits = run.status in (RunStatus.HELD, RunStatus.PLANNED)
    return "" if waits else f"Run #{run.id} is not held: there is nothing to decide."


def pause(integration: Integration) -> Wish:
    """The schedule off, or on again."""
    name = plain(integration.name)
    if integration.paused:
        lines = (Cell("Its schedule starts runs again from the next due time on."),)
        return Wish(f"Resume {name}?", lines, "Yes, resume it", ResumeIntegration(integration.name))
    lines = (Cell("Its schedule starts no runs until you resume it; a run under way goes on."),)
    return Wish(f"Pause {name}?", lines, "Yes, pause it", PauseIntegration(integration.name))


def renew(integration: str) -> Wish:
    """A new token."""
    lines = (Cell("The SIS is asked for a new access token; the present one is replaced."),)
    return Wish(
        f"Renew the login of {plain(integration)}?", lines, "Yes, renew it", RefreshToken(integration)
    )


ON_RUNS = frozenset({"cancel", "approve", "discard"})
"""Actions on the run under the cursor."""


def why_not_cancel(run: Run) -> str:
    """Why a run cannot be cancelled; empty when it can."""
    if run.status in ENDED:
        return f"Run #{run.id} has ended: there is nothing to cancel."
    if run.cancel_requested_by:
        return f"Run #{run.id} is being cancelled already."
    return ""

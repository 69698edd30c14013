"""How a run went in time: its phases, how its requests ended, and a graph of them by the minute."""

from __future__ import annotations

from siscon.domain.paces import lasted
from siscon.domain.runs import Phase
from siscon.ops.runs import RunDetail
from siscon.tui import pictures
from siscon.tui.present import Cell, Look, number, of, span

GRAPH_WIDTH = 40
_WORDS = {Phase.FETCH: "fetch", Phase.PLAN: "plan", Phase.APPLY: "apply"}


def pace_sentences(detail: RunDetail, look: Look, now_ms: int) -> list[Cell]:
    """Two lines about the time a run took: phases and requests; nothing of what was never noted."""
    pace, run = detail.pace, detail.active.run
    told: list[Cell] = []
    if pace.phases:
        long = lasted(pace.phases, run.finished_at_ms or now_ms)
        words = ", ".join(f"{_WORDS[phase]} {span(ms / 1000)}" for phase, ms in long.items())
        told.append(Cell(f"Phases: {words}", "dim"))
    if pace.minutes:
        trouble = ", ".join(
            f"{number(n)} {word}"
            for n, word in ((pace.failed, "failed"), (pace.throttled, "made to wait"))
            if n
        )
        requests = f"{of(pace.sent, 'request')}{f' ({trouble})' if trouble else ''}"
        most = f"most {number(max(pace.requests))} a minute"
        if look.pictures:
            graph = pictures.sparkline(list(pace.requests), GRAPH_WIDTH, look)
            told.append(Cell(f"{requests}  {graph}  {most}", "dim"))
        else:
            told.append(Cell(f"{requests}; {pictures.pace_words(pace.requests, 'requests')}", "dim"))
    return told

"""``siscon health``: one word, some sentences and an exit code, for cron and whatever watches machines."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED, MISUSED
from siscon.cli.options import config_option, json_option, now_ms
from siscon.ops import health_page
from siscon.ops.health_page import Word

CODES = {Word.GOOD: DONE, Word.TROUBLE: FAILED, Word.UNKNOWN: MISUSED}


@click.command()
@click.option(
    "--max-age",
    "max_age_s",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="An older page is not believed.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page itself; then no configuration is read.",
)
@config_option
@json_option
def health(config: Path | None, max_age_s: float, file: Path | None, *, as_json: bool) -> int:
    """Say whether all is well: 0 good, 1 trouble, 2 unknown, for the engine has not said so lately."""
    chosen = file or runtime.load_settings(config).home / health_page.FILE
    found = health_page.judge(chosen, max_age_s=max_age_s, now_ms=now_ms())
    if as_json:
        output.card({**found.page, "state": found.word.value, "why": found.why}, as_json=True)
        return CODES[found.word]
    output.say(f"{found.word.value}{f': {found.why}' if found.why else ''}")
    if found.word is not Word.UNKNOWN:
        for line in found.page.get("trouble", []):
            output.say(f"  {line}")
    return CODES[found.word]

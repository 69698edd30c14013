"""What a console shows and does not load or hold itself (providers, the key), told by a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from siscon.domain.errors import SisconError
from siscon.ops.checks import Check, State

WITHIN_S = 60.0


async def examine(config: str) -> Sequence[Check]:
    """Have everything examined but the key; what that loads and reads holds up nobody's keys.

    Raises ``SisconError`` where no answer came.
    """
    no_answer = "The examination gave no answer."
    rows = await _told(("doctor", "--quick"), config, no_answer)
    try:
        return [Check(one["check"], State(one["state"]), one["seen"], one["advice"]) for one in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise SisconError(no_answer, code="no_answer") from error


async def places(config: str, dead_id: int) -> Mapping[str, str]:
    """What the SIS had said of a record in error, as places with the kind of each value; the key stays over there.

    Empty where it is no longer kept. Raises ``SisconError`` where no answer came.
    """
    asked = ("errors", "show", str(dead_id))
    no_answer = f"It could not be opened: 'siscon {' '.join(asked)}' says why."
    (row, *_) = await _told(asked, config, no_answer)
    found = row.get("payload")
    if not isinstance(found, dict):
        raise SisconError(no_answer, code="no_answer")
    return {str(place): str(kind) for place, kind in found.items()}


async def _told(asked: Sequence[str], config: str, no_answer: str) -> Sequence[Mapping[str, Any]]:
    """What a command of ours answers, at least one row; raises ``SisconError`` with the sentence where it does not."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "siscon", *asked, "--json", "--config", config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            told, _ = await child.communicate()
        rows = [json.loads(line) for line in told.decode().splitlines()]
    except (TimeoutError, ValueError) as error:
        raise SisconError(no_answer, code="no_answer") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise SisconError(no_answer, code="no_answer")
    return rows

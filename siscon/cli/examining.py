"""What the doctor finds, for a console that goes on meanwhile: by a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

from siscon.domain.errors import SisconError
from siscon.ops.checks import Check, State

WITHIN_S = 60.0


async def examine(config: str) -> Sequence[Check]:
    """Have everything examined but the key; what that loads and reads holds up nobody's keys.

    Raises ``SisconError`` where no answer came.
    """
    asked = ("-P", "-m", "siscon", "doctor", "--quick", "--json", "--config", config)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *asked,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            told, _ = await child.communicate()
        rows = [json.loads(line) for line in told.decode().splitlines()]
        found = [Check(one["check"], State(one["state"]), one["seen"], one["advice"]) for one in rows]
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        raise SisconError("The examination gave no answer.", code="no_answer") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if not found:
        raise SisconError("The examination gave no answer.", code="no_answer")
    return found

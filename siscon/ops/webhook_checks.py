"""How the webhooks are: what came of those of the last day, what waits, and keys that are too short."""

from __future__ import annotations

import asyncio

from siscon.config import Settings
from siscon.domain.text import counted, plain
from siscon.domain.webhooks import TAKEN, Scheme
from siscon.ops.checks import Check, State
from siscon.ops.views import HOOKS_FAIL_AFTER
from siscon.store import webhook_counts, webhook_inbox
from siscon.store.database import Database

DAY_MS = 24 * 3600 * 1000
LATE_MS = 10 * 60 * 1000
LISTEN_WITHIN_S = 1.0
SHORT = 16
"""Keys with fewer characters can be guessed by whoever has caught one message."""


async def check_webhooks(db: Database, settings: Settings, *, now_ms: int) -> list[Check]:
    """A check for each integration that listens, and one for what came to nobody's path."""
    async with db.read() as c:
        sums = await webhook_counts.sums(c, since_ms=now_ms - DAY_MS)
        states = await webhook_inbox.open_states(c)
    found = []
    for name, one in settings.integrations.items():
        if one.webhook is None:
            continue
        told = {row.outcome: row.n for row in sums if row.integration == name}
        opened = {row.state: row for row in states if row.integration == name}
        seen, state, advice = _said(told), State.OK, ""
        if waiting := opened.get("waiting"):
            seen += f"; {waiting.n:,} wait"
            if now_ms - waiting.oldest_ms > LATE_MS:
                state, advice = (
                    State.WARN,
                    "see 'siscon status': is an engine alive, is it paused, does it fail?",
                )
            if waiting.tries >= HOOKS_FAIL_AFTER:
                seen += f"; a fetch failed {waiting.tries} times in a row"
                state, advice = State.WARN, "'siscon runs list' says why; it is tried again by itself"
        if given_up := opened.get("given up"):
            seen += f"; {given_up.n:,} given up"
            state, advice = State.WARN, f"'siscon sync {plain(name)}' looks at all"
        if one.webhook.scheme is not Scheme.STANDARD and any(
            len(secret.reveal()) < SHORT for secret in one.webhook.secrets
        ):
            seen += f"; a key has fewer than {SHORT} characters"
            state, advice = State.WARN, "take a longer one: it can be guessed"
        found.append(Check(f"webhook {plain(name)}", state, seen, advice))
    if found:
        found.append(await _check_listening(settings))
    if strangers := sum(row.n for row in sums if not row.integration):
        seen = f"{counted(strangers, 'request')} to no integration's path in 24 h"
        found.append(Check("webhooks", State.OK, seen))
    return found


async def nobody_receives(settings: Settings) -> str:
    """That nobody receives webhooks where an engine of this configuration should; empty where all is well."""
    wanted = any(one.webhook is not None and one.enabled for one in settings.integrations.values())
    if not wanted or not settings.webhooks.in_serve:
        return ""
    found = await _check_listening(settings)
    return "" if found.state is State.OK else found.seen


async def _check_listening(settings: Settings) -> Check:
    """Whether anybody receives where the configuration says."""
    host, port = settings.webhooks.host, settings.webhooks.port
    at = f"{plain(host)}, port {port}"
    if not port:
        return Check("receiver", State.OK, "it takes any port that is free")
    try:
        async with asyncio.timeout(LISTEN_WITHIN_S):
            _reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        advice = "start 'siscon webhooks serve', or set webhooks.in_serve and start 'siscon serve'"
        return Check("receiver", State.WARN, f"nobody receives webhooks at {at}", advice)
    writer.close()
    return Check("receiver", State.OK, f"somebody listens at {at}")


def _said(told: dict[str, int]) -> str:
    taken = sum(n for outcome, n in told.items() if outcome in TAKEN)
    refused = {outcome: n for outcome, n in told.items() if outcome not in TAKEN}
    reasons = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(refused.items(), key=lambda one: -one[1]))
    return f"{taken:,} taken, {sum(refused.values()):,} refused in 24 h" + (
        f" ({reasons})" if reasons else ""
    )

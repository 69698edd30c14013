"""What the command line does with a sandbox: start it, let a day pass, print a config for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from siscon.sandbox import server
from siscon.sandbox import state as states
from siscon.sandbox.hooks import INVENTED_KEY, Hooks, tell_changes
from siscon.sandbox.hooks import SECRET_VARIABLE as HOOK_VARIABLE
from siscon.sandbox.origin import APP_NAME, client_id_of
from siscon.sandbox.server import PortInUse
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS, FAST_REQUESTS_PER_MINUTE, SYSTEMS
from siscon.sandbox.world import World, district_of

__all__ = ["PortInUse", "advance", "print_config", "serve"]

SECRET_VARIABLE = "SISCON_SANDBOX_SECRET"
INVENTED_SECRET = "invented-secret"
LIMITS = ("fast", "real")


async def serve(
    state: SandboxState,
    limits: str,
    *,
    on_ready: Callable[[SandboxState], None],
    webhook: str = "",
    said: Callable[[str], None] = lambda _line: None,
) -> None:
    """Serve the systems until cancelled; with ``webhook`` an address is told what each day changes, and ``said`` how
    it went. Raises PortInUse if a port is taken.
    """
    if limits not in LIMITS:
        raise ValueError(f"limits are {' or '.join(LIMITS)}, not {limits}")
    sockets = server.bind(state.port)
    try:
        state.ports = tuple(one.getsockname()[1] for one in sockets)
        state.started_at = states.now()
        state.save()
        states.mark_latest(state.path)
        world = World(state, limits, secret=os.environ.get(SECRET_VARIABLE) or INVENTED_SECRET)
    except BaseException:
        for one in sockets:
            one.close()
        raise
    telling = None
    if webhook:
        hooks = Hooks(webhook, os.environ.get(HOOK_VARIABLE) or INVENTED_KEY)
        telling = asyncio.create_task(tell_changes(world, hooks, said))
    try:
        await server.run(world, sockets, on_ready=lambda: on_ready(state))
    finally:
        if telling is not None:
            telling.cancel()
            await asyncio.wait([telling])


def advance(state: SandboxState) -> dict[str, dict[str, int]]:
    """Let a day pass in a sandbox, running or not, and say what happened in each system."""
    current = states.load(state.path) if state.path.is_file() else state
    current.pass_day()
    counts = {name: dict(district_of(name, current).days.counts[current.day]) for name in ALL_SYSTEMS}
    current.save()
    state.day, state.moments = current.day, current.moments
    return counts


def print_config(state: SandboxState, *, real_limits: bool, home: str, webhook: bool = False) -> str:
    """A complete config.yaml for siscon over this sandbox; with ``webhook`` its engine listens to what it tells."""
    extra = {
        "infinite_campus": f"settings: {{app_name: {APP_NAME}}}",
        "skyward": f'settings: {{token_url: "http://127.0.0.1:{state.ports[3]}/token"}}',
    }
    lines = [
        "# Made by `siscon sandbox --print-config`. Everybody in these systems is invented.",
        f"home: {_quoted(home)}",
        "integrations:",
    ]
    for (name, system), port in zip(SYSTEMS.items(), state.ports, strict=False):
        rate = system.requests_per_minute if real_limits else FAST_REQUESTS_PER_MINUTE
        lines += [
            f"  {name}:",
            f"    provider: {name}",
            f"    base_url: http://127.0.0.1:{port}",
            f"    client_id: {client_id_of(system)}",
            f"    client_secret: ${{{SECRET_VARIABLE}:-{INVENTED_SECRET}}}",
            f"    requests_per_minute: {rate}",
            '    schedule: "0 2 * * *"',
        ]
        if name in extra:
            lines.append(f"    {extra[name]}")
        if webhook:
            secret = f'"${{{HOOK_VARIABLE}:-{INVENTED_KEY}}}"'
            lines.append(f"    webhook: {{scheme: standard-webhooks, secrets: [{secret}]}}")
    if webhook:
        lines.append("webhooks: {in_serve: true}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text as a YAML scalar in single quotes, which need no escapes but their own."""
    return "'" + text.replace("'", "''") + "'"

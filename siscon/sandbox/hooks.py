"""Webhooks of the sandbox: when a day has passed it tells a receiver which records changed, by Standard Webhooks."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from siscon.sandbox.world import World

SECRET_VARIABLE = "SISCON_SANDBOX_HOOK"
INVENTED_KEY = "whsec_" + base64.b64encode(b"invented key of the sandbox").decode()
LOOK_EVERY_S = 0.2
IDS_A_MESSAGE = 100
WITHIN_S = 10.0
_KINDS = {
    "student": "student",
    "staff": "staff",
    "section": "section",
    "enrollment": "enrollment",
    "teaching": "",
}
"""The kinds in which a day is counted, as a message names them; "": nobody is told."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where to tell it (the system's name follows), and the key that signs."""

    url: str
    key: str


async def tell_changes(world: World, hooks: Hooks, said: Callable[[str], None]) -> None:
    """Tell the receiver of each day that passes, for ever; ``said`` is given a line about each message."""
    day = world.day
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        today = world.look()
        if today <= day:
            day = today
            continue
        for name, changed in world.changes_since(day + 1).items():
            for event, ids in _messages(changed):
                answer = await asyncio.to_thread(_post, hooks, name, event, ids)
                said(f"webhook of {name}: {event}, {len(ids)} ids: {answer}")
        day = today


def _messages(changed: Mapping[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    for kind, ids in changed.items():
        if word := _KINDS[kind]:
            for start in range(0, len(ids), IDS_A_MESSAGE):
                yield f"{word}.changed", ids[start : start + IDS_A_MESSAGE]


def _post(hooks: Hooks, name: str, event: str, ids: list[str]) -> str:
    """Send one message; the status of the answer, or why there is none."""
    body = json.dumps({"type": event, "data": {"ids": ids}}).encode()
    message_id, moment = f"msg_{secrets.token_hex(12)}", str(int(time.time()))
    key = base64.b64decode(hooks.key.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{message_id}.{moment}.".encode() + body, "sha256")
    request = urllib.request.Request(  # noqa: S310 - the address is checked where it is given
        f"{hooks.url.rstrip('/')}/{name}",
        data=body,
        headers={
            "Content-Type": "application/json",
            "Webhook-Id": message_id,
            "Webhook-Timestamp": moment,
            "Webhook-Signature": f"v1,{base64.b64encode(mac).decode()}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310 - as above
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return f"nobody answers ({getattr(error, 'reason', error)})"

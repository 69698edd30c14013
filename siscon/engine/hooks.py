"""Chat and webhooks: a message in the form that each service reads, posted once. Foreign words act on none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from siscon.config import ChannelSettings
from siscon.domain.deliveries import Fate, Message, Outcome
from siscon.domain.errors import ConfigError, TransientError
from siscon.domain.privacy import strike
from siscon.domain.retry import retry_after_s
from siscon.domain.signing import signed
from siscon.providers.transport.post import post

TEXT_MOST = 3500
"""Chats refuse, or cut, what is longer."""
_LATER = frozenset({408, 425, 429})
_OF_THIS_ONE = frozenset({400, 413, 415, 422})
"""What may be said of one message alone: the others of the channel are tried all the same."""
_ADVICE: Mapping[int, str] = {
    401: "it does not accept the login or key: renew what 'url' or 'secret' leads to",
    403: "it does not accept the login or key: renew what 'url' or 'secret' leads to",
    404: "there is no such address any more: set 'url' to a new one",
    410: "there is no such address any more: set 'url' to a new one",
    413: "the message is too long for it",
}
_ADVICE_ELSE = "it does not accept the message: see that 'kind' and 'url' fit"
_ADVICE_REDIRECT = "a redirect, which is never followed: set 'url' to the address that is meant"
_JSON = {"Content-Type": "application/json; charset=utf-8"}


async def send(message: Message, channel: ChannelSettings, *, now_ms: int) -> Outcome:
    """Post a message to the address of a channel. 2xx: taken; all else: later, a refusal too, for either side may be
    mended and what was refused is then still wanted.
    """
    assert channel.url is not None, "the configuration was checked"
    body, headers = _WRITERS[channel.kind](message, channel, now_ms)
    try:
        answer = await post(
            channel.url.reveal(),
            body,
            headers=headers,
            whole_s=channel.timeout_s,
            ca_file=channel.ca_file,
            internal=channel.internal,
        )
    except (TransientError, ConfigError) as fault:
        return Outcome(Fate.LATER, strike(fault.sentence.rstrip("."), channel.secrets), blocked=True)
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Fate.SENT)
    if status >= 500 or status in _LATER:
        wait_s = retry_after_s(
            answer.headers.get("retry-after"), now=datetime.fromtimestamp(now_ms / 1000, UTC)
        )
        return Outcome(Fate.LATER, f"it answered {status}", retry_after_s=wait_s, blocked=True)
    return Outcome(Fate.LATER, _refusal(status, message.channel), blocked=status not in _OF_THIS_ONE)


def _refusal(status: int, channel: str) -> str:
    """That a channel refuses what it gets, and what a person does about it."""
    why = _ADVICE_REDIRECT if status < 400 else _ADVICE.get(status, _ADVICE_ELSE)
    return f"refused: it answered {status}; {why}, then 'siscon notices retry {channel}'"


def _cut(message: Message) -> str:
    text = message.text.strip()
    return text if len(text) <= TEXT_MOST else text[: TEXT_MOST - 1] + "…"


def _slack(message: Message, _channel: ChannelSettings, _now_ms: int) -> tuple[bytes, Mapping[str, str]]:
    """Its own escapes keep text from naming people, channels and links."""

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")

    return _as_json({"text": f"{escaped(message.subject)}\n```\n{escaped(_cut(message))}\n```"})


def _mattermost(message: Message, _channel: ChannelSettings, _now_ms: int) -> tuple[bytes, Mapping[str, str]]:
    """In a block of code nothing is a mention or a link."""
    words = [message.subject, *_cut(message).splitlines()]
    text = "\n".join(one.replace("`", "'") for one in words)
    return _as_json({"text": f"```\n{text}\n```"})


def _teams(message: Message, _channel: ChannelSettings, _now_ms: int) -> tuple[bytes, Mapping[str, str]]:
    """An adaptive card whose text is told in runs, in which nothing is markup."""

    def line(text: str, **more: object) -> dict[str, object]:
        run = {"type": "TextRun", "text": text, **more}
        return {"type": "RichTextBlock", "inlines": [run]}

    head = line(message.subject, weight="bolder")
    lines = [line(one) for one in _cut(message).splitlines() if one.strip()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, *lines],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return _as_json({"type": "message", "attachments": [{"contentType": kind, "content": card}]})


def _text(message: Message, _channel: ChannelSettings, _now_ms: int) -> tuple[bytes, Mapping[str, str]]:
    body = f"{message.subject}\n\n{_cut(message)}\n"
    return body.encode(), {"Content-Type": "text/plain; charset=utf-8"}


def _webhook(message: Message, channel: ChannelSettings, now_ms: int) -> tuple[bytes, Mapping[str, str]]:
    """Signed JSON; the id in its header is the same at each attempt, so that a receiver knows what it has."""
    assert channel.secret is not None, "the configuration was checked"
    told = {
        "type": message.data.get("type", "message"),
        "timestamp": datetime.fromtimestamp(message.put_at_ms / 1000, UTC).isoformat(),
        "data": {"subject": message.subject, "text": message.text, **message.data.get("data", {})},
    }
    body, headers = _as_json(told)
    proof = signed(channel.secret.reveal(), message_id=f"msg_{message.uid}", at_s=now_ms // 1000, body=body)
    return body, {**headers, **proof}


def _as_json(told: object) -> tuple[bytes, Mapping[str, str]]:
    return json.dumps(told, separators=(",", ":")).encode(), _JSON


_WRITERS: Mapping[str, Callable[[Message, ChannelSettings, int], tuple[bytes, Mapping[str, str]]]] = {
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
    "text": _text,
    "webhook": _webhook,
}

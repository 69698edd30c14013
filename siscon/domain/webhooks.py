"""Webhooks: who sends them, what one that was proved says, and every way in which one may end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from siscon.domain.privacy import Secret
from siscon.domain.records import Entity

Network = IPv4Network | IPv6Network


class Scheme(StrEnum):
    """How a sender proves that a message is its own."""

    STANDARD = "standard-webhooks"
    BODY_HMAC = "hmac-sha256"
    TIMED_HMAC = "timestamp-hmac"
    SHARED_HEADER = "shared-header"
    SHARED_PATH = "shared-path"
    BASIC = "basic"


class Outcome(StrEnum):
    """What became of one message; everything after ``REPEATED`` is a refusal."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    REPEATED = "repeated"
    UNKNOWN_PATH = "unknown path"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    TOO_MANY = "too many"
    NO_ROOM = "no room"
    ADDRESS = "address not allowed"
    MALFORMED = "malformed"
    NO_SIGNATURE = "no signature"
    BAD_SIGNATURE = "bad signature"
    TOO_OLD = "too old"
    FROM_FUTURE = "from the future"
    FORGOTTEN = "older than the memory"
    OTHER_BODY = "known id, other body"
    UNREADABLE = "unreadable"


TAKEN = frozenset({Outcome.ACCEPTED, Outcome.IGNORED, Outcome.REPEATED})
"""What is answered with success, so that the sender does not send it again."""

REFUSALS = tuple(one for one in Outcome if one not in TAKEN)


class Action(StrEnum):
    """What a sender says has happened to a record. Only a fetch tells whether it is so."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Hint:
    """Records of one kind at which to look again; without ids all of that kind."""

    entity: Entity
    action: Action
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A body that could be read: the sender's word for the event, its own id of it ("" for none), and the hints."""

    event: str
    event_id: str = ""
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a signature covers beside the body: the message's id ("" for none) and when it was sent (None: unknown)."""

    event_id: str = ""
    sent_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """One integration's sender: how it signs, with which keys (the current one first), from where it may call.

    Names of headers are in small letters. ``words`` says what the sender's own names of events mean.
    ``equal_is_news``: a body equal to an earlier one is new, where neither an id nor a time tells them apart.
    """

    integration: str
    scheme: Scheme
    secrets: tuple[Secret, ...]
    tolerance_s: int = 300
    header: str = ""
    id_header: str = ""
    timestamp_header: str = ""
    allow: tuple[Network, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    equal_is_news: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was proved and read, as the inbox keeps it. ``key`` names it for ever within its integration;
    ``digest`` is that of its body.
    """

    integration: str
    key: str
    digest: bytes
    message: Message
    sent_at_ms: int | None
    at_ms: int

"""Signatures of webhooks: checked over the raw bytes, in constant time, against every key that is in use; and made.

What is compared is the text of a signature as it must have been sent, so that no other spelling of it passes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from siscon.domain import signing
from siscon.domain.webhooks import Outcome, Proof, Scheme, Sender

MOST_SIGNATURES = 16
"""More signatures in one header are not looked at."""
_ID = re.compile(rb"[\x21-\x7e]{1,255}")
_SECONDS = re.compile(rb"[0-9]{1,11}")

Headers = Mapping[str, bytes]

DEFAULT_HEADERS: Mapping[Scheme, str] = {
    Scheme.STANDARD: "webhook-signature",
    Scheme.BODY_HMAC: "x-hub-signature-256",
    Scheme.TIMED_HMAC: "x-signature",
    Scheme.SHARED_HEADER: "x-webhook-secret",
    Scheme.SHARED_PATH: "",
    Scheme.BASIC: "authorization",
}
"""The header in which each scheme expects its proof, unless the sender has another."""


def names_of(sender: Sender) -> tuple[str, ...]:
    """The headers without which the sender's messages prove nothing."""
    named = (sender.header, sender.id_header, sender.timestamp_header)
    return tuple(one for one in named if one)


def picked(headers: Iterable[tuple[bytes, bytes]], names: Sequence[str]) -> Headers | None:
    """The headers of these names (small letters); None where one of them stands there twice."""
    wanted = {one.encode("latin-1"): one for one in names}
    found: dict[str, bytes] = {}
    for name, value in headers:
        known = wanted.get(name)
        if known is None:
            continue
        if known in found:
            return None
        found[known] = value
    return found


def key_of(secret: str, scheme: Scheme) -> bytes:
    """The bytes of a key. Those of Standard Webhooks are base64, behind ``whsec_`` or bare; raises ``ValueError``."""
    if scheme is not Scheme.STANDARD:
        return secret.encode("utf-8", "surrogatepass")
    try:
        key = signing.key_of(secret)
    except ValueError as error:
        raise ValueError("a key of Standard Webhooks is base64, such as whsec_MfKQ9r8G...") from error
    if not key:
        raise ValueError("the key is empty")
    return key


def verify(
    sender: Sender, headers: Headers, body: bytes, *, now_s: float, tail: bytes = b""
) -> Proof | Outcome:
    """What the signature of a message proves, or why it is refused. ``tail`` is what the path holds behind the name."""
    if any(one not in headers for one in names_of(sender)):
        return Outcome.NO_SIGNATURE
    if sender.scheme is not Scheme.SHARED_PATH and tail:
        return Outcome.UNKNOWN_PATH
    return _CHECKS[sender.scheme](sender, headers, body, now_s, tail)


def _standard(sender: Sender, headers: Headers, body: bytes, now_s: float, _tail: bytes) -> Proof | Outcome:
    message_id, moment = headers[sender.id_header], headers[sender.timestamp_header]
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(moment):
        return Outcome.MALFORMED
    content = b".".join((message_id, moment, body))
    right = [b"v1," + base64.b64encode(one) for one in _macs(sender, content)]
    if not _any_equal(headers[sender.header].split(b" "), right):
        return Outcome.BAD_SIGNATURE
    return _in_time(sender, int(moment), now_s, message_id.decode("ascii"))


def _body_hmac(sender: Sender, headers: Headers, body: bytes, _now_s: float, _tail: bytes) -> Proof | Outcome:
    given = headers[sender.header].removeprefix(b"sha256=")
    return Proof() if _any_equal([given], _spelled(_macs(sender, body))) else Outcome.BAD_SIGNATURE


def _timed_hmac(sender: Sender, headers: Headers, body: bytes, now_s: float, _tail: bytes) -> Proof | Outcome:
    parts = [one.strip().partition(b"=") for one in headers[sender.header].split(b",")]
    if sender.timestamp_header:
        moments = [headers[sender.timestamp_header]]
        given = [value or name for name, _sign, value in parts]
    elif not all(value for _name, _sign, value in parts):
        return Outcome.MALFORMED
    else:
        moments = [value for name, _sign, value in parts if name == b"t"]
        given = [value for name, _sign, value in parts if name == b"v1"]
    if len(moments) != 1 or not _SECONDS.fullmatch(moments[0]) or not given:
        return Outcome.MALFORMED
    if not _any_equal(given, _spelled(_macs(sender, moments[0] + b"." + body))):
        return Outcome.BAD_SIGNATURE
    return _in_time(sender, int(moments[0]), now_s, "")


def _shared_header(
    sender: Sender, headers: Headers, _body: bytes, _now_s: float, _tail: bytes
) -> Proof | Outcome:
    right = [key_of(one.reveal(), sender.scheme) for one in sender.secrets]
    return Proof() if _any_equal([headers[sender.header]], right) else Outcome.BAD_SIGNATURE


def _shared_path(
    sender: Sender, _headers: Headers, _body: bytes, _now_s: float, tail: bytes
) -> Proof | Outcome:
    right = [key_of(one.reveal(), sender.scheme) for one in sender.secrets]
    return Proof() if _any_equal([tail], right) else Outcome.BAD_SIGNATURE


def _basic(sender: Sender, headers: Headers, _body: bytes, _now_s: float, _tail: bytes) -> Proof | Outcome:
    word, _space, given = headers[sender.header].partition(b" ")
    right = [base64.b64encode(key_of(one.reveal(), sender.scheme)) for one in sender.secrets]
    return Proof() if word.lower() == b"basic" and _any_equal([given], right) else Outcome.BAD_SIGNATURE


_CHECKS: Mapping[Scheme, Callable[[Sender, Headers, bytes, float, bytes], Proof | Outcome]] = {
    Scheme.STANDARD: _standard,
    Scheme.BODY_HMAC: _body_hmac,
    Scheme.TIMED_HMAC: _timed_hmac,
    Scheme.SHARED_HEADER: _shared_header,
    Scheme.SHARED_PATH: _shared_path,
    Scheme.BASIC: _basic,
}


def _macs(sender: Sender, content: bytes) -> list[bytes]:
    keys = (key_of(one.reveal(), sender.scheme) for one in sender.secrets)
    return [hmac.digest(key, content, "sha256") for key in keys]


def _spelled(macs: Iterable[bytes]) -> list[bytes]:
    """Hexadecimal digits all small or all capital; a mixture nobody sends."""
    return [form for mac in macs for form in (mac.hex().encode(), mac.hex().upper().encode())]


def _any_equal(given: Sequence[bytes], right: Sequence[bytes]) -> bool:
    """Whether one of these is one of those; every pair is compared, so that time tells nothing."""
    found = False
    for one in given[:MOST_SIGNATURES]:
        for other in right:
            found |= hmac.compare_digest(one, other)
    return found


def _in_time(sender: Sender, sent_s: int, now_s: float, event_id: str) -> Proof | Outcome:
    if now_s - sent_s > sender.tolerance_s:
        return Outcome.TOO_OLD
    if sent_s - now_s > sender.tolerance_s:
        return Outcome.FROM_FUTURE
    return Proof(event_id, sent_s * 1000)


def sign(sender: Sender, body: bytes, *, message_id: str, now_s: int) -> dict[str, str]:
    """The headers with which the sender would send a body, signed with its current key."""
    secret = sender.secrets[0].reveal()
    key, moment = key_of(secret, sender.scheme), str(now_s)
    match sender.scheme:
        case Scheme.STANDARD:
            told = signing.signed(secret, message_id=message_id, at_s=now_s, body=body)
            names = (sender.id_header, sender.timestamp_header, sender.header)
            return dict(zip(names, told.values(), strict=True))
        case Scheme.BODY_HMAC:
            return {sender.header: f"sha256={hmac.digest(key, body, 'sha256').hex()}"}
        case Scheme.TIMED_HMAC:
            mac = hmac.digest(key, f"{moment}.".encode() + body, "sha256").hex()
            if sender.timestamp_header:
                return {sender.timestamp_header: moment, sender.header: mac}
            return {sender.header: f"t={moment},v1={mac}"}
        case Scheme.SHARED_HEADER:
            return {sender.header: secret}
        case Scheme.BASIC:
            return {sender.header: f"Basic {base64.b64encode(key).decode()}"}
        case Scheme.SHARED_PATH:
            return {}


def digest_of(body: bytes) -> bytes:
    """What is kept of a body."""
    return hashlib.sha256(body).digest()

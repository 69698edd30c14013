"""Signs what siscon sends to others' webhooks, as Standard Webhooks have it: id, moment and body under one key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key that a written secret means; raises ``ValueError`` where it is none."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def signed(secret: str, *, message_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The headers that prove whose a body is, and when it was sent."""
    content = f"{message_id}.{at_s}.".encode() + body
    digest = hmac.new(key_of(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }

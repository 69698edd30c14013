"""Assertions with which a client proves who it is instead of sending a secret (RFC 7523, 3; RFC 7515).

cryptography is loaded only when a key is made or looked at: most sandboxes never need it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

LONGEST_S = 600
"""How far in the future an assertion may expire, in seconds."""
SKEW_S = 30
_HASHES = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}


class AssertionKey:
    """The public key of the one client, and the ids of the assertions that were seen."""

    def __init__(self) -> None:
        self._public: Any = None
        self._private_pem = ""
        self._seen: dict[str, float] = {}

    def private_pem(self) -> str:
        """A private key (PKCS 8, PEM) for the client, made when it is first asked for."""
        from cryptography.hazmat.primitives import serialization as forms
        from cryptography.hazmat.primitives.asymmetric import rsa

        if not self._private_pem:
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            written = private.private_bytes(
                forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
            )
            self._private_pem, self._public = written.decode(), private.public_key()
        return self._private_pem

    def trust(self, public_pem: str) -> None:
        """Trust the client with this public key (PEM) from now on. Raises ValueError if it is none."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        self._public, self._private_pem = load_pem_public_key(public_pem.encode()), ""

    def problem(self, assertion: str, client_id: str, audiences: tuple[str, ...], now: float) -> str | None:
        """Why an assertion does not prove that its sender is the client, or None if it does.

        ``now`` is in seconds since 1970.
        """
        try:
            head, claims, signature = (_unpacked(part) for part in assertion.split("."))
            header, told = json.loads(head), json.loads(claims)
            signed = assertion.rpartition(".")[0].encode()
            if self._public is None or not self._is_signed(str(header["alg"]), signed, signature):
                return "the assertion is not signed with the key that is known here"
            return self._wrong_claim(told, client_id, audiences, now)
        except (ValueError, KeyError, TypeError, AttributeError):
            return "the assertion is not a signed JWT with alg, iss, sub, aud, exp and jti"

    def _wrong_claim(
        self, told: dict[str, Any], client_id: str, audiences: tuple[str, ...], now: float
    ) -> str | None:
        aud, expires_at, jti = told["aud"], float(told["exp"]), str(told["jti"])
        if told["iss"] != client_id or told["sub"] != client_id:
            return "iss and sub must both be the client id"
        if not set(audiences) & set(aud if isinstance(aud, list) else [aud]):
            return "aud must name this token endpoint"
        if not now - SKEW_S < expires_at <= now + LONGEST_S + SKEW_S:
            return f"exp must lie in the next {LONGEST_S} seconds"
        self._seen = {one: at for one, at in self._seen.items() if at > now - SKEW_S}
        if jti in self._seen:
            return "this assertion was used before"
        self._seen[jti] = expires_at
        return None

    def _is_signed(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is that of the known key; its type decides which algorithms may be named."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        digest = getattr(hashes, _HASHES[algorithm[2:]])()
        try:
            if isinstance(self._public, rsa.RSAPublicKey) and algorithm.startswith("RS"):
                self._public.verify(signature, signed, padding.PKCS1v15(), digest)
            elif isinstance(self._public, ec.EllipticCurvePublicKey) and algorithm.startswith("ES"):
                half = len(signature) // 2
                pair = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
                self._public.verify(encode_dss_signature(*pair), signed, ec.ECDSA(digest))
            else:
                return False
        except InvalidSignature:
            return False
        return True


def _unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

"""A person's consent: the address to open, and the code in the address that the browser comes back to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from siscon.domain.errors import AuthError, ConfigError, UsageError
from siscon.domain.privacy import Secret
from siscon.domain.text import plain
from siscon.providers.grants import AuthorizationCode
from siscon.providers.origins import is_loopback, origin_of

CONSENT_WITHIN_S = 600.0

_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
"""The form of every code that is registered for this answer (RFC 6749, sections 4.1.2.1 and 11.4)."""


@dataclass(slots=True, eq=False)
class Consent:
    """One consent under way: good once, for ten minutes, for one redirect address."""

    grant: AuthorizationCode
    client_id: str
    redirect_uri: str
    begun_at_ms: int
    state: Secret = field(default_factory=lambda: Secret(secrets.token_urlsafe(32)))
    verifier: Secret = field(default_factory=lambda: Secret(secrets.token_urlsafe(48)))
    is_used: bool = False

    @property
    def address(self) -> str:
        """What a person opens in a browser (RFC 6749, section 4.1.1; RFC 7636, section 4.3)."""
        scheme, host, _ = origin_of(self.grant.authorize_url)
        if scheme != "https" and not is_loopback(host):
            raise ConfigError(f"The address of the consent at {plain(host)} must be https.")
        told = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state.reveal(),
        }
        if self.grant.scope:
            told["scope"] = self.grant.scope
        if self.grant.pkce:
            told |= {"code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256"}
        joint = "&" if urlsplit(self.grant.authorize_url).query else "?"
        return f"{self.grant.authorize_url}{joint}{urlencode(told)}"

    def code_in(self, address: str, *, now_ms: int) -> Secret:
        """The code in the address to which the browser was sent back.

        Raises ``UsageError`` for an address that does not answer this consent (it may still be answered), and
        ``AuthError`` when it was refused, is over, or the answer comes from another server (RFC 9207, section 2.4).
        """
        told = self._told_in(address)
        if not hmac.compare_digest(told.get("state", "").encode(), self.state.reveal().encode()):
            raise UsageError(
                "This address does not answer this login: its state is another. Open the address that was shown "
                "last, and bring back the one that the browser ends on.",
                code="wrong_state",
            )
        if self.is_used:
            raise AuthError("This consent was used already. Begin again.", code="consent_used")
        self.is_used = True
        if not 0 <= now_ms - self.begun_at_ms <= CONSENT_WITHIN_S * 1000:
            raise AuthError("The consent came later than ten minutes. Begin again.", code="consent_late")
        if "iss" in told and not self._is_issuer(told["iss"]):
            raise AuthError(
                f"The answer names another server, {_host_of(told['iss'])}, as the one that gave it. Nothing "
                "was sent to it. If that address is the district's own, ask for the provider to be corrected.",
                code="wrong_issuer",
            )
        if "error" in told:
            raise AuthError(
                f"The consent was refused ({_refusal_in(told)}). Ask a person whom the district allows it, "
                "then begin again.",
                code="consent_refused",
            )
        if not told.get("code"):
            raise AuthError("The answer holds no code. Begin again.", code="no_code")
        return Secret(told["code"])

    def _told_in(self, address: str) -> dict[str, str]:
        try:
            address.encode()  # half characters, as a terminal may pass on, belong in no address
            parts = urlsplit(address.strip())
            own = urlsplit(self.redirect_uri)
            told = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise UsageError("This is no address.", code="wrong_address") from None
        if (parts.scheme, parts.netloc, parts.path) != (own.scheme, own.netloc, own.path):
            raise UsageError(
                f"This is not the address that the browser is sent back to: it must begin with {self.redirect_uri}",
                code="wrong_address",
            )
        if len({name for name, _ in told}) != len(told):
            raise UsageError("This address says the same thing twice.", code="wrong_address")
        return dict(told)

    def _is_issuer(self, issuer: str) -> bool:
        if self.grant.issuer:
            return hmac.compare_digest(issuer.encode(), self.grant.issuer.encode())
        try:
            return origin_of(issuer) == origin_of(self.grant.authorize_url)
        except ConfigError:
            return False


def _refusal_in(told: Mapping[str, str]) -> str:
    """The refusal's code. Only what has the form of one is repeated, for anything else may be anything."""
    error = told["error"]
    if _ERROR_CODE.fullmatch(error) and error not in (told.get("code"), told.get("state")):
        return error
    return "an error that is no code of OAuth"


def _host_of(issuer: str) -> str:
    try:
        return plain(origin_of(issuer)[1], limit=80)
    except ConfigError:
        return "one without an address"


def challenge_of(verifier: Secret) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

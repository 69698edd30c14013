"""What a configuration says of webhooks: the receiver for all, and for each integration how its sender signs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from siscon.config.kinds import Number, SecretText, Section, wrong
from siscon.domain.hints import IGNORE, meaning_of
from siscon.domain.privacy import Secret
from siscon.domain.signatures import DEFAULT_HEADERS, key_of
from siscon.domain.webhooks import Network, Scheme, Sender

PORT = 8480
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")


def _network(value: Any) -> Any:
    """An address or a network; an IPv4 one that is written as IPv6 is taken for what it is."""
    try:
        found = ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        raise wrong("is no address or network: write one such as 192.0.2.7 or 10.0.0.0/8") from None
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is not None and found.prefixlen >= 96:
        return ipaddress.ip_network(f"{mapped}/{found.prefixlen - 96}")
    return found


def _listed(value: Any) -> Any:
    """One value as a list of one."""
    return [value] if isinstance(value, (str, Secret)) else value


def _header_name(name: str) -> str:
    if name and not _HEADER.fullmatch(name.lower()):
        raise wrong("is no name of a header: write one such as X-Signature")
    return name.lower()


Networks = Annotated[tuple[Annotated[Network, BeforeValidator(_network)], ...], BeforeValidator(_listed)]
HeaderName = Annotated[str, AfterValidator(_header_name)]


class WebhookSettings(Section):
    """The receiver of webhooks."""

    host: str = Field(
        "127.0.0.1",
        max_length=255,
        description="the address to listen on; a proxy with TLS stands in front of it",
    )
    port: Number = Field(PORT, ge=0, le=65_535, description="the port to listen on")
    in_serve: bool = Field(
        False, description="true: 'siscon serve' receives, too; false: 'siscon webhooks serve' alone"
    )
    trusted_proxies: Networks = Field(
        (), description="addresses whose X-Forwarded-For is believed, such as that of the proxy in front"
    )
    per_second: Number = Field(
        2000, ge=1, le=100_000, description="messages a second from one sender; ten seconds' worth at once"
    )
    per_second_all: Number = Field(
        4000, ge=1, le=100_000, description="messages a second from all senders together"
    )
    connections: Number = Field(512, ge=1, le=10_000, description="connections that may be open at once")
    max_body_kib: Number = Field(1024, ge=1, le=16_384, description="the largest body that is read")
    within_s: Number = Field(10, ge=1, le=120, description="seconds that sending one message may take")
    most_waiting: Number = Field(
        100_000,
        ge=100,
        le=10_000_000,
        description="messages of one integration that may wait for their fetch",
    )
    remember_days: Number = Field(
        7, ge=1, le=3650, description="days for which a message is known again, so that no repeat counts"
    )


class IntegrationWebhook(Section):
    """How the sender of one integration proves that a message is its own."""

    scheme: Scheme = Field(
        description="standard-webhooks, hmac-sha256, timestamp-hmac, shared-header, shared-path or basic"
    )
    secrets: Annotated[tuple[SecretText, ...], BeforeValidator(_listed)] = Field(
        min_length=1,
        max_length=4,
        description="references to the keys in use: the current one first, then those before it",
    )
    tolerance_s: Number = Field(
        300, ge=1, le=3600, description="seconds by which the sender's clock may differ, both ways"
    )
    header: HeaderName = Field("", description="the header of the signature; empty: the scheme's own")
    timestamp_header: HeaderName = Field(
        "", description="the header of the time, where it stands alone; empty: the scheme's own"
    )
    id_header: HeaderName = Field(
        "", description="for standard-webhooks, the header of the message's id; empty: webhook-id"
    )
    allow: Networks = Field((), description="addresses that may send; empty: every address")
    events: dict[str, str] = Field(
        {}, description="what the sender's own names of events mean, such as pupil.moved: student.changed"
    )
    equal_bodies: Literal["repeat", "news"] = Field(
        "repeat",
        description="a body equal to an earlier one, where neither an id nor a time tells them apart",
    )

    @model_validator(mode="after")
    def _fits(self) -> IntegrationWebhook:
        for secret in self.secrets:
            try:
                key_of(secret.reveal(), self.scheme)
            except ValueError as error:
                raise wrong(f"holds a secret that does not fit {self.scheme}: {error}") from None
            if not secret.reveal().strip(": \t\r\n"):
                raise wrong("holds a secret of nothing but blanks or colons: anybody could have made it")
            if self.scheme is Scheme.BASIC and ":" not in secret.reveal():
                raise wrong("holds a secret that does not fit basic: write user:password")
        if self.id_header and self.scheme is not Scheme.STANDARD:
            raise wrong("has an id_header: only standard-webhooks signs an id")
        if self.timestamp_header and self.scheme not in (Scheme.STANDARD, Scheme.TIMED_HMAC):
            raise wrong(f"has a timestamp_header: {self.scheme} signs no time")
        return self

    @field_validator("events")
    @classmethod
    def _known_meanings(cls, events: dict[str, str]) -> dict[str, str]:
        for word, said in events.items():
            if said != IGNORE and meaning_of(said, {}) is None:
                raise wrong(
                    f"'{word[:40]}' must mean a kind of record, such as student or student.removed, or ignore"
                )
        return events

    def sender(self, integration: str) -> Sender:
        """The sender as the receiver knows it."""
        standard = self.scheme is Scheme.STANDARD
        return Sender(
            integration=integration,
            scheme=self.scheme,
            secrets=self.secrets,
            tolerance_s=self.tolerance_s,
            header=self.header or DEFAULT_HEADERS[self.scheme],
            id_header=self.id_header or ("webhook-id" if standard else ""),
            timestamp_header=self.timestamp_header or ("webhook-timestamp" if standard else ""),
            allow=self.allow,
            words=self.events,
            equal_is_news=self.equal_bodies == "news",
        )


def senders_of(webhooks: Mapping[str, IntegrationWebhook | None]) -> dict[str, Sender]:
    """The senders that are configured, by integration."""
    return {name: one.sender(name) for name, one in webhooks.items() if one is not None}

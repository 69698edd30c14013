"""What a configuration says of notices: the channels, what goes to which, quiet hours, digest, deadlines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from siscon.config.addresses import checked_address, is_loopback
from siscon.config.kinds import Number, PathBeside, SecretText, Section, not_truth, wrong
from siscon.domain import schedules
from siscon.domain.errors import UsageError
from siscon.domain.mappings import INTEGRATION_NAME
from siscon.domain.notices import NoticeLevel, Trouble
from siscon.domain.privacy import Secret
from siscon.domain.quiet import Window
from siscon.domain.records import Entity

ChannelKind = Literal["email", "slack", "teams", "mattermost", "text", "webhook", "apprise"]
SECRETS = ("username", "password", "url", "secret", "urls")
"""The entries of a channel that must be references: an address to which notices go is as good as a password."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_KEY_BYTES = (24, 64)


def listed(value: Any) -> Any:
    """A list, or text with commas as one."""
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise wrong('must be a time of day in quotes, such as "06:30"')
    return text


def _weekdays(text: str) -> str:
    try:
        schedules.parse(f"0 0 * * {text.strip()}")
    except UsageError as error:
        raise wrong("must be days of the week, such as mon-fri or sat,sun") from error
    return text.strip().lower()


def _mail_address(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise wrong("must be a bare mail address, such as oncall@district.example.org")
    return text


ClockTime = Annotated[str, AfterValidator(_clock)]
Weekdays = Annotated[str, AfterValidator(_weekdays)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Seconds = Annotated[float, BeforeValidator(not_truth)]


class ChannelSettings(Section):
    kind: ChannelKind = Field(
        description="email, slack, teams, mattermost, text (the text alone), webhook (signed JSON) or apprise"
    )
    host: str = Field("", max_length=253, description="email: the mail server")
    port: Number | None = Field(None, ge=1, le=65535, description="email: its port; empty: 587, 465 or 25")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="email: how the line is secured; none only on this machine"
    )
    username: SecretText | None = Field(None, description="email: a reference to the login's name")
    password: SecretText | None = Field(None, description="email: a reference to the login's password")
    sender: MailAddress | None = Field(None, description="email: whom the mail is from")
    to: Annotated[tuple[MailAddress, ...], BeforeValidator(listed)] = Field(
        (), max_length=50, description="email: who gets it"
    )
    url: SecretText | None = Field(None, description="chat and webhook: a reference to the address")
    secret: SecretText | None = Field(
        None, description="webhook: a reference to the key that signs, whsec_..."
    )
    internal: bool = Field(
        False, description="chat and webhook: true where the address lies in a private network"
    )
    urls: tuple[SecretText, ...] = Field(
        (), max_length=20, description="apprise: references to its addresses"
    )
    ca_file: PathBeside | None = Field(
        None, description="further certificate authorities to trust, as a PEM file"
    )
    timeout_s: Seconds = Field(60.0, ge=1, le=600, description="seconds that one attempt may take as a whole")

    @field_validator("ca_file")
    @classmethod
    def _ca_file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise wrong(f"the file {path} is not there")
        return path

    @model_validator(mode="after")
    def _whole(self) -> ChannelSettings:
        needs = {"email": ("host", "sender", "to"), "webhook": ("url", "secret"), "apprise": ("urls",)}
        for key in needs.get(self.kind, ("url",)):
            if not getattr(self, key):
                raise wrong(f"lacks '{key}': a channel of the kind {self.kind} needs it")
        if self.kind == "email":
            self._check_mail()
        elif self.url is not None:
            checked_address(self.url.reveal(), with_query=True)
        if self.secret is not None:
            _check_key(self.secret)
        return self

    def _check_mail(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9.:_-]+", self.host):
            raise wrong("host must be a name or an address, such as mail.district.example.org")
        if self.security == "none" and not is_loopback(f"smtp://{_bracketed(self.host)}"):
            raise wrong("security: none sends in clear, and is for a mail server on this machine alone")
        if (self.username is None) != (self.password is None):
            raise wrong("username and password go together")

    @property
    def smtp_port(self) -> int:
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret of this channel, and of an address what follows its host, so that both can be struck out."""
        told = [one for one in (self.username, self.password, self.url, self.secret, *self.urls) if one]
        paths = [urlsplit(one.reveal()) for one in (self.url, *self.urls) if one]
        behind = [one.path.strip("/") + (f"?{one.query}" if one.query else "") for one in paths]
        return (*told, *(Secret(one) for one in behind if len(one) > 7))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_key(secret: Secret) -> None:
    from siscon.domain.signing import key_of

    try:
        size = len(key_of(secret.reveal()))
    except ValueError:
        size = 0
    if not _KEY_BYTES[0] <= size <= _KEY_BYTES[1]:
        raise wrong("secret must be whsec_ and the base64 of 24 to 64 random bytes")


class RuleSettings(Section):
    channels: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        description="the channels that are told"
    )
    causes: Annotated[tuple[Trouble, ...], BeforeValidator(listed)] = Field(
        (), description="of these kinds of trouble; empty: of all"
    )
    levels: Annotated[tuple[NoticeLevel, ...], BeforeValidator(listed)] = Field(
        (), description="of these levels; empty: of all"
    )
    integrations: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        (), description="of these integrations; empty: of all, and of what belongs to none"
    )


class QuietSettings(Section):
    begin: ClockTime = Field(description='from when nothing is sent, such as "22:00"')
    end: ClockTime = Field(description='until when, such as "06:00"; the same as begin: the whole day')
    weekdays: Weekdays = Field("*", description="on which days they begin, such as mon-fri")

    @property
    def window(self) -> Window:
        return Window(self.begin, self.end, schedules.parse(f"0 0 * * {self.weekdays}").weekdays)


class DigestSettings(Section):
    at: ClockTime | None = Field(None, description='when it is sent, such as "07:00"; empty: never')
    weekdays: Weekdays = Field("*", description="on which days, such as mon-fri")
    channels: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        (), description="to which channels; empty: to all of the kind email, or else to all"
    )
    when_empty: bool = Field(False, description="true: also when there is nothing to tell")


class DeadlineSettings(Section):
    integration: str = Field(description="of which integration")
    entities: Annotated[tuple[Entity, ...], BeforeValidator(listed)] = Field(
        (), description="which records; empty: all that it imports"
    )
    at: ClockTime = Field(description='by when they must be fresh, such as "06:30"')
    weekdays: Weekdays = Field("*", description="on which days, such as mon-fri")
    max_age_hours: Number = Field(
        12, ge=1, le=24 * 31, description="how old the last good import may be at that time"
    )

    @property
    def line(self) -> str:
        """The moments as a cron line."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * {self.weekdays}"


class NoticeSettings(Section):
    channels: dict[str, ChannelSettings] = Field({}, description="the ways to people, each under a name")
    rules: tuple[RuleSettings, ...] = Field(
        (), description="what goes to which channel; empty: everything to all of them"
    )
    zone: str = Field("", description="the time zone of quiet hours, digest and deadlines; empty: time_zone")
    quiet: tuple[QuietSettings, ...] = Field((), description="hours in which only what is urgent is sent")
    urgent: Annotated[tuple[Trouble, ...], BeforeValidator(listed)] = Field(
        (Trouble.STALE,), description="kinds of trouble that quiet hours do not keep back"
    )
    digest: DigestSettings = Field(DigestSettings(), description="a line for each cause, once a day")
    repeated_failures: Number = Field(
        0, ge=0, le=1000, description="so many failed runs in a row are urgent and told once more; 0: never"
    )
    breaker_minutes: Number = Field(
        15, ge=0, le=24 * 60, description="a system that does not answer is told of after so long"
    )
    gather_s: Number = Field(
        60, ge=0, le=3600, description="after a notice further ones to its channel are gathered for so long"
    )
    episodes_a_day: Number = Field(
        10,
        ge=0,
        le=1000,
        description="a cause that came and went so often in a day is told only if it lasts four hours; 0: always",
    )
    fresh_by: tuple[DeadlineSettings, ...] = Field((), description="deadlines by which records must be fresh")

    @field_validator("channels")
    @classmethod
    def _names(cls, channels: dict[str, ChannelSettings]) -> dict[str, ChannelSettings]:
        for name in channels:
            if not INTEGRATION_NAME.match(name):
                raise wrong(
                    "a channel's name is a small letter, then small letters, digits or _, at most 31 together"
                )
        return channels

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name and name not in available_timezones():
            raise wrong(f"'{name[:60]}' is no time zone: write UTC or one such as America/Chicago")
        return name

    @model_validator(mode="after")
    def _known_channels(self) -> NoticeSettings:
        for name in (*(one for rule in self.rules for one in rule.channels), *self.digest.channels):
            if name not in self.channels:
                raise wrong(f"names the channel '{name[:40]}', which stands not under channels")
        return self

    @property
    def mail_channels(self) -> tuple[str, ...]:
        """The channels that ``outbox.put`` means where it names none."""
        return tuple(name for name, one in self.channels.items() if one.kind == "email")

    @property
    def calm_channels(self) -> tuple[str, ...]:
        """To which channels the digest goes, and whatever else wakes nobody."""
        return self.digest.channels or self.mail_channels or tuple(self.channels)

    @property
    def integrations(self) -> set[str]:
        """Every integration that is named here."""
        return {
            *(one.integration for one in self.fresh_by),
            *(one for rule in self.rules for one in rule.integrations),
        }

    @property
    def secrets(self) -> Iterable[Secret]:
        """Every secret of every channel."""
        return [secret for one in self.channels.values() for secret in one.secrets]

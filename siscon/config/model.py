"""What a configuration may say: the models, their limits and their defaults. Strangers' settings are checked here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from siscon.config.addresses import checked_address, checked_place
from siscon.config.kinds import Keys, Number, PathBeside, SecretText, Section, not_truth, wrong
from siscon.config.notices import NoticeSettings
from siscon.config.outward import MetricsSettings, ReportSettings
from siscon.config.policies import AbsenceSettings, AccountSettings, ConflictSettings, GuardSettings
from siscon.config.roles import RolesSettings, rules_of
from siscon.config.schedules import BlackoutSettings, Entities, ScheduleSettings, checked_line, checked_zone
from siscon.config.upkeep import UpkeepSettings
from siscon.config.webhooks import IntegrationWebhook, WebhookSettings
from siscon.domain.blackouts import Blackout
from siscon.domain.mappings import INTEGRATION_NAME
from siscon.domain.privacy import Secret
from siscon.domain.roles import RoleRules
from siscon.domain.timetables import FULL, MAIN, Schedule, Starts

SECRETS = ("client_secret", "private_key", "password", "token")
"""The entries of an integration that must be references."""


class StorageSettings(Section):
    synchronous: Literal["full", "normal"] = Field(
        "full",
        description="full: a power cut loses nothing that was shown; normal: faster, loses the last moments",
    )


class EngineSettings(Section):
    on_quit: Literal["ask", "keep", "stop"] = Field(
        "ask", description="what happens to the engine on leaving"
    )
    batch: Number = Field(200, ge=1, le=1000, description="records applied in one transaction")


class ConsoleSettings(Section):
    theme: Literal["auto", "dark", "light", "contrast", "ansi", "mono"] = Field(
        "auto", description="the colours of the console; auto: as many as the terminal has, none for NO_COLOR"
    )
    glyphs: Literal["auto", "ascii", "block", "braille"] = Field(
        "auto", description="the signs of states, bars and graphs; auto: ascii where a terminal has no others"
    )
    slow_link: bool = Field(
        False, description="true: paint every five seconds, in few colours, words instead of pictures"
    )
    mouse: bool = Field(True, description="false: the mouse stays with the terminal, for marking and copying")
    clock: bool = Field(True, description="false: no clock in the context bar")
    grace_s: Number = Field(
        5, ge=0, le=60, description="seconds in which z takes back what concerns many; 0: it begins at once"
    )
    keys: dict[str, Keys] = Field(
        {},
        description="keys of your own: an action's id and its key, or a list of keys; [] takes its key away",
    )


class ProfileSettings(Section):
    name: str = Field("", max_length=32, description="what this installation is called on the screen")
    production: bool = Field(
        False, description="true: real data; what nothing brings back wants the name of the profile typed"
    )

    @property
    def final_word(self) -> str:
        """What a person types before what nothing brings back; empty where a yes is enough."""
        return (self.name or "production") if self.production else ""


class IntegrationSettings(Section):
    provider: str = Field(
        description="the kind of system: powerschool, infinite_campus, skyward or a plug-in's name"
    )
    base_url: str = Field(
        description="the district's address, https unless it is on this machine; for files also /a/folder or sftp://"
    )
    client_id: str = Field("", max_length=1000, description="the OAuth client id")
    client_secret: SecretText | None = Field(None, description="a reference to the OAuth client secret")
    private_key: SecretText | None = Field(
        None, description="a reference to the PEM key that signs in (private_key_jwt)"
    )
    username: str = Field("", max_length=1000, description="the user name of a password login")
    password: SecretText | None = Field(None, description="a reference to the password of a password login")
    token: SecretText | None = Field(
        None, description="a reference to a token or key that the vendor handed out"
    )
    origins: tuple[str, ...] = Field(
        (), description="further addresses that the login may be sent to; base_url is always one"
    )
    requests_per_minute: Number | None = Field(
        None, ge=0, le=100_000, description="the rate limit; empty: the provider's own, 0: none"
    )
    schedule: str = Field("", description="when to import: five cron fields, empty: only when asked")
    full_schedule: str = Field(
        "", description="when to compare everything, where the schedule asks only for what changed"
    )
    schedules: tuple[ScheduleSettings, ...] = Field(
        (), description="further schedules, each with a name, its own times, kinds of records and policies"
    )
    blackouts: tuple[BlackoutSettings, ...] = Field(
        (), description="windows in which no schedule of this integration starts anything"
    )
    attempts: Number = Field(
        3, ge=1, le=20, description="how often one request is tried after faults that pass"
    )
    dead_after: Number = Field(
        10,
        ge=1,
        le=1000,
        description="so many runs try a record in error by themselves, while the SIS says the same of it",
    )
    enabled: bool = Field(True, description="false: kept, but never run")
    incremental: bool = Field(
        False,
        description="true: ask only for what changed, where the provider can; never finds what is missing",
    )
    entities: Entities = Field((), description="what to import; empty: all that the provider offers")
    ca_file: PathBeside | None = Field(
        None, description="further certificate authorities to trust, as a PEM file"
    )
    timeout_s: Annotated[float, BeforeValidator(not_truth)] = Field(
        60.0, ge=1, le=3600, description="seconds that one request may take as a whole"
    )
    max_answer_mib: Number = Field(32, ge=1, le=1024, description="the largest answer that is read")
    conflicts: ConflictSettings = Field(ConflictSettings(), description="what happens to conflicts")
    absence: AbsenceSettings = Field(
        AbsenceSettings(), description="what happens to records that the SIS no longer sends"
    )
    accounts: AccountSettings = Field(
        AccountSettings(), description="user names and e-mail addresses for people whom the SIS sends without"
    )
    webhook: IntegrationWebhook | None = Field(
        None, description="how the system tells of changes by itself; empty: it does not"
    )
    settings: dict[str, Any] = Field({}, description="the provider's own settings")

    @model_validator(mode="after")
    def _given_is_ours(self) -> IntegrationSettings:
        for entity, rule in self.accounts.rules.items():
            for name in rule.fields:
                if f"{entity}.{name}" in self.conflicts.sis_owns:
                    raise wrong(
                        f"'{entity}.{name}' stands in conflicts.sis_owns, so the SIS would empty what "
                        f"accounts.{entity}.{name} gives: take it out of one of them"
                    )
        return self

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        return checked_place(url)

    @field_validator("origins")
    @classmethod
    def _safe_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_address(one) for one in origins)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret of this integration, so that it can be struck out wherever text leaves.

        A name goes with its secret, too, as both travel in one piece of base64 (RFC 7617, section 2).
        """
        alone = (self.client_secret, self.private_key, self.password, self.token)
        pairs = ((self.client_id, self.client_secret), (self.username, self.password))
        joined = (Secret(f"{name}:{one.reveal()}") for name, one in pairs if name and one)
        hooks = self.webhook.secrets if self.webhook is not None else ()
        return (*(one for one in alone if one), *joined, *hooks)

    @field_validator("schedule", "full_schedule")
    @classmethod
    def _readable_schedule(cls, line: str) -> str:
        return checked_line(line)

    @model_validator(mode="after")
    def _names_once(self) -> IntegrationSettings:
        names = [one.name for one in self.timetable("UTC")]
        for name in names:
            if names.count(name) > 1:
                raise wrong(
                    f"two of its schedules are called '{name}' (main is 'schedule', full 'full_schedule')"
                )
        _unlike(self.blackouts)
        return self

    def timetable(self, zone: str) -> tuple[Schedule, ...]:
        """Every schedule of it, the short forms first; ``zone`` is that of the configuration."""
        short = ((MAIN, self.schedule, Starts.CHANGES), (FULL, self.full_schedule, Starts.FULL))
        return (
            *(Schedule(name, line, zone, starts) for name, line, starts in short if line),
            *(one.schedule(zone) for one in self.schedules),
        )

    @field_validator("ca_file")
    @classmethod
    def _ca_file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise wrong(f"the file {path} is not there")
        return path


def _unlike(windows: tuple[BlackoutSettings, ...]) -> None:
    names = [one.name for one in windows]
    for name in names:
        if names.count(name) > 1:
            raise wrong(f"two windows are called '{name}'")


def _integration_name(name: str) -> str:
    if not INTEGRATION_NAME.match(name):
        raise wrong(
            "an integration's name is a small letter, then small letters, digits or _, at most 31 together"
        )
    return name


class Settings(Section):
    """A whole configuration, checked. ``file`` says where it came from."""

    home: PathBeside = Field(
        Path("siscon-home"), description="the folder of the database, the key and the logs"
    )
    time_zone: str = Field(
        "UTC", description="the time zone of schedules and of the screen, such as Europe/Oslo"
    )
    storage: StorageSettings = StorageSettings()
    engine: EngineSettings = EngineSettings()
    console: ConsoleSettings = ConsoleSettings()
    profile: ProfileSettings = ProfileSettings()
    guard: GuardSettings = GuardSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    notices: NoticeSettings = NoticeSettings()
    webhooks: WebhookSettings = WebhookSettings()
    roles: RolesSettings | None = Field(None, description="who may look, operate and administer")
    reports: ReportSettings = ReportSettings()
    metrics: MetricsSettings = MetricsSettings()
    integrations: dict[Annotated[str, AfterValidator(_integration_name)], IntegrationSettings] = Field(
        {}, description="one entry for each connection to one system"
    )
    blackouts: tuple[BlackoutSettings, ...] = Field(
        (), description="windows in which no schedule of any integration starts anything"
    )
    _file: Path = PrivateAttr(default=Path("config.yaml"))

    @model_validator(mode="after")
    def _reports_go_somewhere(self) -> Settings:
        self.reports.check_channels(self.notices.channels, self.notices.mail_channels)
        return self

    @model_validator(mode="after")
    def _notices_are_of_known_ones(self) -> Settings:
        for name in sorted(self.notices.integrations - set(self.integrations)):
            raise wrong(f"notices names the integration '{name[:40]}', which stands not under integrations")
        return self

    @property
    def database(self) -> Path:
        return self.home / "siscon.db"

    @property
    def backups(self) -> Path:
        """The folder of the copies."""
        return self.upkeep.backup.folder or self.home / "backups"

    @property
    def file(self) -> Path:
        return self._file

    @property
    def role_rules(self) -> RoleRules:
        return rules_of(self.roles, self.home)

    @property
    def all_blackouts(self) -> tuple[Blackout, ...]:
        """Every window, those of all integrations first."""
        zone = self.time_zone
        own = (one.blackout(zone, name) for name, it in self.integrations.items() for one in it.blackouts)
        return (*(one.blackout(zone, "") for one in self.blackouts), *own)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return checked_zone(name or "?")

    @field_validator("blackouts")
    @classmethod
    def _windows_once(cls, windows: tuple[BlackoutSettings, ...]) -> tuple[BlackoutSettings, ...]:
        _unlike(windows)
        return windows


def with_file(settings: Settings, file: Path) -> Settings:
    """The same settings, told where they came from."""
    settings._file = file
    return settings

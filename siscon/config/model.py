"""What a configuration may say: the models, their limits and their defaults. Strangers' settings are checked here."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from siscon.domain import schedules
from siscon.domain.absence import AbsenceRules, Drops
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.errors import UsageError
from siscon.domain.guards import GuardLimits
from siscon.domain.mappings import INTEGRATION_NAME
from siscon.domain.privacy import Secret
from siscon.domain.records import FIELDS, Entity

_T = TypeVar("_T")


def wrong(sentence: str) -> PydanticCustomError:
    """A complaint in our own words, taken over as it is."""
    return PydanticCustomError("siscon", "{sentence}", {"sentence": sentence})


class _SecretType:
    """Teaches pydantic about secrets: text in, stars out."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _next: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @staticmethod
    def read(value: Any) -> Secret:
        """Text as a secret; a secret stays as it is."""
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise wrong("must be a reference: ${NAME} or ${file:/path}")
        if not value:
            raise wrong("is empty: the reference leads to nothing")
        return Secret(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _next: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\$\{[^}]+\}$"}


def _not_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise wrong("must be a number")
    return value


def _in_base(value: Path, info: ValidationInfo) -> Path:
    base = Path((info.context or {}).get("base") or Path.cwd())
    return base / value.expanduser()


Number = Annotated[int, BeforeValidator(_not_truth)]
Share = Annotated[float, BeforeValidator(_not_truth), Field(ge=0, le=1)]
PathBeside = Annotated[Path, AfterValidator(_in_base)]
"""A path; a relative one starts at the folder of the configuration file."""
SecretText = Annotated[Secret, _SecretType]
"""A secret: a reference in the file, stars wherever it is shown."""


SECRETS = ("client_secret", "private_key", "password", "token")
"""The entries of an integration that must be references."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)


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


class GuardOverrides(Section):
    updated_share: Share | None = None
    created_share: Share | None = None
    missing_share: Share | None = None
    dead_share: Share | None = None
    school_share: Share | None = None
    section_emptied: bool | None = None
    at_least: Number | None = Field(None, ge=0, le=1_000_000)


class GuardSettings(Section):
    updated_share: Share = Field(0.75, description="a plan that updates more than this share is held")
    created_share: Share = Field(0.50, description="a plan that creates more than this share is held")
    missing_share: Share = Field(0.10, description="a plan in which more than this share is missing is held")
    dead_share: Share = Field(0.50, description="a plan in which more than this share is unusable is held")
    school_share: Share = Field(0.25, description="the same for the missing of a single school")
    section_emptied: bool = Field(True, description="a plan that empties a section that stays is held")
    at_least: Number = Field(5, ge=0, le=1_000_000, description="no share counts below this many records")
    entities: dict[Entity, GuardOverrides] = Field({}, description="other limits by entity")

    @property
    def limits(self) -> GuardLimits:
        told = self.model_dump(exclude={"entities"})
        others = {entity: one.model_dump(exclude_none=True) for entity, one in self.entities.items()}
        return GuardLimits(**told, entities=others)


_KNOWN_FIELDS = {f"{entity}.{rule.name}": rule for entity, rules in FIELDS.items() for rule in rules}


def _known_field(name: str) -> str:
    if name not in _KNOWN_FIELDS:
        raise wrong(f"'{name}' is no field of a record: write entity.field, such as student.email")
    return name


FieldName = Annotated[str, AfterValidator(_known_field)]
"""A field of an entity, such as ``student.email``."""


class ConflictSettings(Section):
    default: Strategy = Field(Strategy.SIS_WINS, description="who wins when both sides changed a field")
    entities: dict[Entity, Strategy] = Field(
        {}, description="other strategies by entity, such as staff: manual"
    )
    fields: dict[FieldName, Strategy] = Field(
        {}, description="other strategies by field, such as student.email: manual"
    )
    local_owns: tuple[FieldName, ...] = Field(
        (), description="fields that no import ever touches, such as student.email"
    )
    sis_owns: tuple[FieldName, ...] = Field(
        (), description="fields that are always as the SIS has them, such as student.last_name"
    )

    @model_validator(mode="after")
    def _one_owner(self) -> ConflictSettings:
        for name in self.local_owns:
            if name in self.sis_owns:
                raise wrong(f"'{name}' stands in local_owns and in sis_owns: a field has one owner")
            if _KNOWN_FIELDS[name].required:
                raise wrong(f"'{name}' cannot be local_owns: no record can be made without it")
        return self

    @property
    def policies(self) -> dict[Entity, Policy]:
        """Who decides over the fields of each entity."""
        return {
            entity: Policy(
                default=self.entities.get(entity, self.default),
                strategies=_of_entity(entity, self.fields),
                ours=frozenset(_of_entity(entity, dict.fromkeys(self.local_owns))),
                theirs=frozenset(_of_entity(entity, dict.fromkeys(self.sis_owns))),
            )
            for entity in Entity
        }


def _of_entity(entity: Entity, told: dict[str, _T]) -> dict[str, _T]:
    head = f"{entity}."
    return {name.removeprefix(head): value for name, value in told.items() if name.startswith(head)}


class AbsenceSettings(Section):
    drops: Drops = Field(
        Drops.WITHDRAW,
        description="what becomes of a record that complete lists no longer hold: mark, skip or withdraw",
    )
    after_runs: Number = Field(
        2,
        ge=1,
        le=100,
        description="so many complete lists in a row must lack a record before it is withdrawn",
    )
    grace_days: Number = Field(
        0, ge=0, le=3650, description="days that a record stays missing before it is withdrawn"
    )
    entities: dict[Entity, Drops] = Field({}, description="other rules by entity, such as course: mark")

    @property
    def rules(self) -> AbsenceRules:
        return AbsenceRules(**self.model_dump())


def _split(value: Any) -> Any:
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


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
    attempts: Number = Field(
        3, ge=1, le=20, description="how often one request is tried after faults that pass"
    )
    enabled: bool = Field(True, description="false: kept, but never run")
    incremental: bool = Field(
        False,
        description="true: ask only for what changed, where the provider can; never finds what is missing",
    )
    entities: Annotated[tuple[Entity, ...], BeforeValidator(_split)] = Field(
        (), description="what to import; empty: all that the provider offers"
    )
    ca_file: PathBeside | None = Field(
        None, description="further certificate authorities to trust, as a PEM file"
    )
    timeout_s: Annotated[float, BeforeValidator(_not_truth)] = Field(
        60.0, ge=1, le=3600, description="seconds that one request may take as a whole"
    )
    max_answer_mib: Number = Field(32, ge=1, le=1024, description="the largest answer that is read")
    conflicts: ConflictSettings = Field(ConflictSettings(), description="what happens to conflicts")
    absence: AbsenceSettings = Field(
        AbsenceSettings(), description="what happens to records that the SIS no longer sends"
    )
    settings: dict[str, Any] = Field({}, description="the provider's own settings")

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
        return (*(one for one in alone if one), *joined)

    @field_validator("schedule", "full_schedule")
    @classmethod
    def _readable_schedule(cls, line: str) -> str:
        try:
            if line.strip():
                schedules.parse(line)
        except UsageError as error:
            raise wrong(error.sentence) from error
        return line.strip()

    @field_validator("ca_file")
    @classmethod
    def _ca_file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise wrong(f"the file {path} is not there")
        return path


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
    guard: GuardSettings = GuardSettings()
    integrations: dict[Annotated[str, AfterValidator(_integration_name)], IntegrationSettings] = Field(
        {}, description="one entry for each connection to one system"
    )
    _file: Path = PrivateAttr(default=Path("config.yaml"))

    @property
    def database(self) -> Path:
        return self.home / "siscon.db"

    @property
    def file(self) -> Path:
        return self._file

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise wrong(f"'{name[:60]}' is no time zone: write UTC or one such as America/Chicago")
        return name


def with_file(settings: Settings, file: Path) -> Settings:
    """The same settings, told where they came from."""
    settings._file = file
    return settings


def is_loopback(url: str) -> bool:
    """True for an address that never leaves this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_place(url: str) -> str:
    """An address as :func:`checked_address` wants it, or a place of files: a folder, ``file://`` or ``sftp://``."""
    if url.startswith(("/", "file:///")):
        return url
    if not url.startswith("sftp://"):
        return checked_address(url)
    parts = urlsplit(checked_address(url.replace("sftp", "https", 1)))
    return parts._replace(scheme="sftp").geturl()


def checked_address(url: str, *, with_query: bool = False) -> str:
    """An address to which a secret may be sent; raises a complaint that says why not."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise wrong("is no address: write one such as https://district.example.org") from None
    if parts.scheme not in ("https", "http") or not host or any(one.isspace() for one in url):
        raise wrong("is no address: write one such as https://district.example.org")
    if parts.username or parts.password or "@" in parts.netloc:
        raise wrong("must not hold a login: use client_id and client_secret")
    if not with_query and (parts.query or parts.fragment or "?" in url or "#" in url):
        raise wrong("must end before any '?' or '#'")
    if parts.scheme == "http" and not is_loopback(url):
        raise wrong(
            "must be https: http sends the secret and the pupils' data in clear (allowed on this machine only)"
        )
    return url.rstrip("/")

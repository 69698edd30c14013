"""The one file that a provider's author must read: what a provider is given, what it gives back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from siscon.domain.errors import RecordError
from siscon.domain.records import Entity, Part, Record
from siscon.providers.grants import Grant, NoLogin

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that the SIS sent and that does not make sense: it is buried with its reason, the run goes on.

    ``external_id`` is None when not even that could be read. ``raw`` is the answer as it came (JSON text); it is
    stored encrypted. ``part`` names the piece of a record that it is, where it is no record by itself: the record goes
    through without it, and keeps what is known of ``fields``, those that the piece would have told.
    """

    external_id: str | None
    code: str
    sentence: str
    field: str | None
    raw: str
    part: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer brought.

    ``resume`` is the position *after* this page, opaque text that only the provider reads; None says that this
    was the last page, and that the list is complete. ``total`` is the number of records the SIS announces for
    the whole list, ``cursor`` the watermark that the next incremental fetch should start from, by the clock of
    the SIS. ``note`` tells the operator of something odd ("page shorter than asked"). ``absent_fields`` could not be
    read this time, for no record of the entity (text fields, told on its last page): what is known of them stays.
    ``modified`` maps external ids to when the SIS last changed what the page holds of them, parts too: ISO 8601 with an
    offset; leave out whom it does not say it of.
    """

    records: Sequence[Record | Part]
    resume: str | None
    rejected: Sequence[Rejected] = ()
    total: int | None = None
    cursor: str | None = None
    note: str = ""
    partial: bool = False
    absent_fields: Sequence[str] = ()
    modified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """What an SIS stands: requests per window of seconds (0: no limit), how many at once, and the least seconds
    between two requests.
    """

    requests: int = 60
    per_s: float = 60.0
    at_once: int = 1
    min_interval_s: float = 0.0


class ProviderSettings(BaseModel):
    """What an integration's ``settings`` may hold; a provider adds its own fields, each with a docstring below it.

    ``base_url`` comes from the integration itself: the origin, with or without a path before the API's own.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    schemes: ClassVar[tuple[str, ...]] = ("https", "http")
    base_url: str

    @field_validator("base_url")
    @classmethod
    def _of_a_known_kind(cls, url: str) -> str:
        scheme = "file" if url.startswith("/") else url.partition("://")[0]
        if url and scheme not in cls.schemes:
            told = " or ".join(f"{one}://" for one in cls.schemes)
            said = f"this provider does not read {scheme}://, but {told}"
            raise PydanticCustomError(
                "siscon",
                "{sentence}",
                {"sentence": said if "://" in url or url[0] == "/" else f"must begin with {told}"},
            )
        return url


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer (2xx): whole body, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Api(Protocol):
    """What a provider talks through: bound to the integration's own origins and credential.

    A path is taken relative to ``base_url``; an absolute URL must lie within the integration's origins. Limits,
    tokens, retries, caps and the classification of errors happen behind it. Raises ``AuthError``,
    ``ProviderError``, ``TransientError`` (retries used up). ``get``, and ``post`` when it is ``repeatable`` (a
    query), answer in the provider's ``media`` and are asked again after a fault; any other ``post`` only when it
    certainly did not arrive. An answer to a ``get`` with ``keep_s`` may come from memory for so many seconds, and is
    asked for conditionally (ETag, Last-Modified) after that: for what changes rarely, such as page sizes.
    """

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer: ...

    async def post(
        self,
        path: str,
        json: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Drop:
    """One file in a drop folder: its plain name (no path), bytes, and last change in ms since 1970, UTC."""

    name: str
    size: int
    modified_at_ms: int


class Files(Protocol):
    """What a provider that reads files works with, wherever they lie: a folder, an SFTP server, an address.

    Raises ``AuthError``, ``ProviderError``, ``TransientError`` as an :class:`Api` does.
    """

    async def listing(self) -> Sequence[Drop]:
        """The files that lie there now, oldest first."""
        ...

    async def fetch(self, drop: Drop) -> Path:
        """A whole local copy in a private folder, kept while the link lives; the same file is fetched once."""
        ...


class Provider:
    """Base of all providers: class attributes that say what it is, and :meth:`pages`.

    ``entities`` stand in order of dependency. A provider keeps no state between pages that ``resume`` does not
    hold: after a crash a new object goes on from the stored position. ``media`` is what answers must look like.
    """

    media: ClassVar[Literal["json", "xml"]] = "json"
    name: ClassVar[str]
    title: ClassVar[str]
    entities: ClassVar[tuple[Entity, ...]]
    rate: ClassVar[Rate] = Rate()
    Settings: ClassVar[type[ProviderSettings]] = ProviderSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        self.api = api
        self.settings = settings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> Grant:
        """How siscon logs in with the secrets of the integration."""
        raise NotImplementedError

    @classmethod
    def offers(cls, settings: ProviderSettings) -> tuple[Entity, ...]:  # noqa: ARG003 - for those who override it
        """The entities that an integration with these settings can give, in order of dependency."""
        return cls.entities

    @classmethod
    def rate_for(cls, settings: ProviderSettings) -> Rate:  # noqa: ARG003 - for those who override it
        """What the SIS stands with these settings; the configured ``requests_per_minute`` goes before it."""
        return cls.rate

    async def coverage(self) -> Mapping[str, str]:
        """What the data of this login cover, as short names and texts (``{"school year": "2026"}``).

        When it differs from what the last good run saw, a run is held before anything is written, for then what is
        absent says nothing. Empty: the provider cannot tell.
        """
        return {}

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity, from ``resume`` on (None: from the start), in an order that is stable.

        With ``cursor`` only what changed since; without, everything.
        """
        raise NotImplementedError

    @classmethod
    def cursor_at(cls, settings: ProviderSettings, moment: datetime) -> str | None:  # noqa: ARG003 - for those who override it
        """The cursor with which :meth:`pages` gives all that changed since a moment (with an offset).

        None: this provider cannot ask by date.
        """
        return None

    async def one(self, entity: Entity, external_id: str) -> Page | None:  # noqa: ARG002 - for those who override it
        """The record of one id as the SIS has it now, whole, as a single page; an empty one where there is none.

        None: this provider cannot ask for it, so the list is read in its place.
        """
        return None

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:  # noqa: ARG002 - for those who override it
        """What a row comes to that once was rejected and that a person has mended: one record, or one rejected.

        ``raw`` and ``part`` are those of its :class:`Rejected`; of a part one :class:`Part` is expected. None: this
        provider cannot read single rows again.
        """
        return None

    async def related(
        self,
        entity: Entity,  # noqa: ARG002 - for those who override it
        of: Entity,  # noqa: ARG002 - for those who override it
        external_id: str,  # noqa: ARG002 - for those who override it
    ) -> Page | None:
        """All records of ``entity`` that belong to one record, as a single page: enrollments of a student or a section.

        None: this provider cannot ask for them, so the list is read in its place. Whoever lacks in it is not missing.
        """
        return None

    @classmethod
    def classify(cls, answer: Answer) -> Exception | None:  # noqa: ARG003 - for those who override it
        """Called first for each answer that is not 2xx: an own judgement, or None for the common table."""
        return None


class FileSettings(ProviderSettings):
    """What every integration that reads files may set. ``base_url`` is a folder, a folder on an SFTP server, or the
    address of one file.
    """

    schemes: ClassVar[tuple[str, ...]] = ("https", "http", "sftp", "file")
    known_hosts: str = ""
    """For sftp: a file with the server's key, as OpenSSH writes it."""
    host_key: str = ""
    """For sftp: the fingerprint of the server's key, SHA256:..."""
    settle_s: float = Field(default=2.0, ge=0, le=300)
    """Seconds a new file must stay as it is before it is taken."""


class FileProvider(Provider):
    """Base of providers that read files instead of asking an API; its ``Settings`` are ``FileSettings``."""

    Settings: ClassVar[type[ProviderSettings]] = FileSettings

    def __init__(self, files: Files, settings: ProviderSettings) -> None:
        self.files = files
        self.settings = settings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> Grant:  # noqa: ARG003 - for those who override it
        """No login of its own: a folder needs none."""
        return NoLogin()


def sort_out(
    raws: Iterable[Any],
    to_record: Callable[[Any], Record | Part | None],
    *,
    id_of: Callable[[Any], str | None],
    raw_text: Callable[[Any], str],
) -> tuple[list[Record | Part], list[Rejected]]:
    """Turn raw items into records; what raises ``RecordError`` becomes ``Rejected``, None is left out."""
    good: list[Record | Part] = []
    bad: list[Rejected] = []
    for raw in raws:
        try:
            record = to_record(raw)
        except RecordError as error:
            bad.append(Rejected(id_of(raw), error.code, error.sentence, error.field, raw_text(raw)))
        else:
            if record is not None:
                good.append(record)
    return good, bad

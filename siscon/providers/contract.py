"""The one file that a provider's author must read: what a provider is given, what it gives back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from siscon.domain.errors import RecordError
from siscon.domain.records import Entity, Part, Record

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that the SIS sent and that does not make sense: it is buried with its reason, the run goes on.

    ``external_id`` is None when not even that could be read. ``raw`` is the answer as it came (JSON text); it is
    stored encrypted.
    """

    external_id: str | None
    code: str
    sentence: str
    field: str | None
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer brought.

    ``resume`` is the position *after* this page, opaque text that only the provider reads; None says that this
    was the last page, and that the list is complete. ``total`` is the number of records the SIS announces for
    the whole list, ``cursor`` the watermark that the next incremental fetch should start from, by the clock of
    the SIS. ``note`` tells the operator of something odd ("page shorter than asked").
    """

    records: Sequence[Record | Part]
    resume: str | None
    rejected: Sequence[Rejected] = ()
    total: int | None = None
    cursor: str | None = None
    note: str = ""
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """What an SIS stands: requests per window of seconds (0: no limit), and how many at once."""

    requests: int = 60
    per_s: float = 60.0
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The OAuth 2.0 client credentials grant (RFC 6749, section 4.4) at an absolute ``token_url``.

    ``client_auth`` is ``client_secret_basic`` or ``client_secret_post``; ``scope`` is space-separated;
    ``params`` are added to the form.
    """

    token_url: str
    scope: str = ""
    client_auth: str = "client_secret_basic"
    params: Mapping[str, str] = field(default_factory=dict)


class ProviderSettings(BaseModel):
    """What an integration's ``settings`` may hold; a provider adds its own fields.

    ``base_url`` comes from the integration itself: the origin, with or without a path before the API's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: str


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
    query), answer JSON and are asked again after a fault; any other ``post`` only when it certainly did not arrive.
    """

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Answer: ...

    async def post(
        self,
        path: str,
        json: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer: ...


class Provider:
    """Base of all providers: class attributes that say what it is, and :meth:`pages`.

    ``entities`` stand in order of dependency. A provider keeps no state between pages that ``resume`` does not
    hold: after a crash a new object goes on from the stored position.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    entities: ClassVar[tuple[Entity, ...]]
    rate: ClassVar[Rate] = Rate()
    Settings: ClassVar[type[ProviderSettings]] = ProviderSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        self.api = api
        self.settings = settings

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        """How to get a token with the integration's client id and secret."""
        raise NotImplementedError

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity, from ``resume`` on (None: from the start), in an order that is stable.

        With ``cursor`` only what changed since; without, everything.
        """
        raise NotImplementedError

    @classmethod
    def classify(cls, answer: Answer) -> Exception | None:  # noqa: ARG003 - for those who override it
        """Called first for each answer that is not 2xx: an own judgement, or None for the common table."""
        return None


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

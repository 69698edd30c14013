"""What an integration with a OneRoster server may set, and how such servers let siscon in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from siscon.providers.contract import ProviderSettings
from siscon.providers.grants import ClientAuth, ClientCredentials


class OneRosterSettings(ProviderSettings):
    """What every OneRoster integration may set."""

    version: Literal["1.1", "1.2"] = "1.2"
    """The OneRoster version, in quotes."""
    rostering_path: str = ""
    """Path of the rostering service below base_url; empty: the vendor's usual one."""
    page_size: int = Field(default=500, ge=1, le=50_000)
    """Records asked for at once; a server that sends fewer is read all the same."""
    demographics: bool | Literal["auto"] = "auto"
    """Read birth dates and genders: auto where the login may, true or the run fails, false never."""
    enrollment_filter: bool = True
    """Ask for enrollments by role; off for servers that refuse the filter: siscon then picks by itself."""
    schools_list: Literal["schools", "orgs"] = "schools"
    """Where schools are read; orgs for servers without a list of schools."""
    sort: str = "sourcedId"
    """The field by which lists are asked for in order; empty: never. Servers that refuse are asked without."""
    scope: str = ""
    """Scopes to ask for, space-separated, short names or whole addresses; empty: the readable ones of the version."""
    exclude_orgs: tuple[str, ...] = ()
    """sourcedIds of orgs that are no schools of yours (a census, a test school): nothing of theirs is read."""
    custom_fields: tuple[str, ...] = ()
    """Names below ``metadata`` that are kept with each record as the district's own fields."""


def service_path(version: str) -> str:
    """Where rostering lies below the host (1.1: one base for all services; 1.2: one for each)."""
    return "ims/oneroster/v1p1" if version == "1.1" else "ims/oneroster/rostering/v1p2"


def readable_scopes(settings: OneRosterSettings) -> str:
    """The scopes for reading a roster (1.2 security section; 1.1 uses the same words under v1p1)."""
    prefix = f"https://purl.imsglobal.org/spec/or/v1p{settings.version[-1]}/scope/"
    words = settings.scope.split() or ["roster.readonly", "roster-core.readonly"]
    if not settings.scope and settings.demographics:
        words.append("roster-demographics.readonly")
    is_short = {"roster", "roster-core", "roster-demographics"}
    return " ".join(prefix + word if word.partition(".")[0] in is_short else word for word in words)


def grant_for(
    settings: OneRosterSettings,
    token_url: str,
    *,
    client_auth: ClientAuth = "client_secret_basic",
    params: Mapping[str, str] | None = None,
    revoke_url: str = "",
) -> ClientCredentials:
    """Client credentials, usually with the Basic header, and scopes (1EdTech Security Framework 1.0, section 4.1)."""
    return ClientCredentials(token_url, readable_scopes(settings), client_auth, params or {}, revoke_url)

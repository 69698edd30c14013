"""Drop folders with OneRoster CSV in them, and the provider over one, for tests."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from siscon.domain.records import Entity
from siscon.providers.contract import Page
from siscon.providers.files.drop_folder import FileLimits, FileLogin
from siscon.providers.files.fetching import open_files
from siscon.providers.oneroster_csv.provider import OneRosterCsv, OneRosterCsvSettings

AT_ONCE = FileLimits(settle_s=0.0, attempts=1)

CONFIG = """
home: {home}
integrations:
  drop:
    provider: oneroster_csv
    base_url: {drop}
    settings: {{settle_s: 0}}
"""
"""A configuration with one drop folder, whose files are taken at once."""

PEOPLE = {
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier\ns1,,,Harbor School,school,1\n",
    "users": (
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,givenName,familyName\n"
        "u1,,,true,s1,student,ivo,Ivo,Marsh\nu2,,,true,s1,student,ada,Ada,Lund\nt1,,,true,s1,teacher,ole,Ole,Berg\n"
    ),
}
"""A school, two students and a teacher in 1.1; enough for most tests."""


def manifest(states: Mapping[str, str], version: str = "1.1") -> str:
    """A manifest that tells the given states."""
    told = "".join(f"file.{name},{state}\n" for name, state in states.items())
    return f"propertyName,value\nmanifest.version,1.0\noneroster.version,{version}\n{told}"


def zipped(
    path: Path,
    tables: Mapping[str, str | bytes],
    *,
    state: str = "bulk",
    version: str = "1.1",
    at_s: int | None = None,
) -> Path:
    """A zip of tables with the manifest that fits them; ``at_s`` is when it changed last."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", manifest(dict.fromkeys(tables, state), version))
        for name, text in tables.items():
            archive.writestr(f"{name}.csv", text)
    if at_s is not None:
        os.utime(path, (at_s, at_s))
    return path


@contextlib.asynccontextmanager
async def provider_over(folder: Path, **settings: Any) -> AsyncIterator[OneRosterCsv]:
    """The provider over the files in a folder."""
    copies = folder.parent / f"{folder.name}-copies"
    async with open_files(str(folder), login=FileLogin(), folder=copies, limits=AT_ONCE) as files:
        yield OneRosterCsv(files, OneRosterCsvSettings(base_url=str(folder), **settings))


async def walk(
    provider: OneRosterCsv, entity: Entity, cursor: str | None = None, resume: str | None = None
) -> list[Page]:
    """All pages of an entity."""
    return [page async for page in provider.pages(entity, cursor=cursor, resume=resume)]


async def pages_of(folder: Path, entity: Entity, cursor: str | None = None, **settings: Any) -> list[Page]:
    """All pages of an entity over a folder."""
    async with provider_over(folder, **settings) as provider:
        return await walk(provider, entity, cursor)

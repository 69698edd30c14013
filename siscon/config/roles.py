"""The section ``roles``: who may look, operate and administer; and whether its file can be believed."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from siscon.config.kinds import Section, wrong
from siscon.domain.roles import ROOT, Role, RoleRules
from siscon.domain.text import plain


def _names(value: Any) -> Any:
    """A list, or one name; a number without quotes is the number of an account."""
    told = value if isinstance(value, list | tuple) else [value]
    return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in told]


def _known(name: str) -> str:
    if not name.removeprefix("%") or any(one.isspace() or one in "()," for one in name):
        raise wrong("write the name of an account, its number, or %group for everybody of a group")
    return name


Names = Annotated[tuple[Annotated[str, AfterValidator(_known)], ...], BeforeValidator(_names)]


class RolesSettings(Section):
    admins: Names = Field((), description="who may do everything: accounts, or %group")
    operators: Names = Field((), description="who may operate, but not do what weighs most")
    viewers: Names = Field((), description="who may only look, with names and personal values masked")


def rules_of(roles: RolesSettings | None, home: Path) -> RoleRules:
    """The rules of a configuration; a home that is not there yet belongs to whoever makes it."""
    lists = None
    if roles is not None:
        lists = {Role.ADMIN: roles.admins, Role.OPERATOR: roles.operators, Role.VIEWER: roles.viewers}
    return RoleRules(lists, _owner_of(home))


def _owner_of(home: Path) -> int:
    try:
        return home.stat().st_uid
    except OSError:
        return os.getuid()


def belongs_to_another(file: Path, owner: int, home: Path) -> str:
    """Why a file is not believed behind ``sudo`` and ``su``: whoever may become the account of a service would else
    write its configuration, with roles, a home and files of secrets as wished. Empty where it is the account's own, or
    root's. Root believes whom the home belongs to.
    """
    account = os.getuid()
    if owner in (ROOT, account or _owner_of(home)):
        return ""
    return (
        f"The configuration {plain(file)} belongs to {_name_of(owner)}. Behind sudo and su only one that belongs to "
        f"{_name_of(account or _owner_of(home))} or root is believed: name that with --config, or do without sudo."
    )


def doubts_about(file: Path, home: Path, owner: int) -> str:
    """Why nobody can be sure who wrote the roles in this file, whose text was that of ``owner``; empty where only those
    could who own the home.
    """
    try:
        file = file.resolve(strict=True)
        found, folder = file.stat(), file.parent.stat()
    except OSError as error:
        return f"cannot be believed: {plain(file)} cannot be examined ({error.strerror})"
    if not {found.st_uid, owner} <= {ROOT, _owner_of(home)}:
        return (
            f"cannot be believed: {plain(file)} belongs to {_name_of(owner)}, the home to "
            f"{_name_of(_owner_of(home))}. The file must belong to the same account, or to root"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return (
            f"cannot be believed: others than its owner can write {plain(file)} (mode "
            f"{stat.S_IMODE(found.st_mode):o}). Run: chmod go-w {plain(file)}"
        )
    if _others_replace(folder):
        return (
            f"cannot be believed: others can put another file in the place of {plain(file)} (mode "
            f"{stat.S_IMODE(folder.st_mode):o} of its folder). Run: chmod go-w {plain(file.parent)}"
        )
    return ""


def _others_replace(folder: os.stat_result) -> bool:
    """Whether others than its owner rename files in a folder; a group of the owner's own is no others."""
    if folder.st_mode & stat.S_ISVTX:
        return False
    return bool(folder.st_mode & stat.S_IWOTH) or (
        bool(folder.st_mode & stat.S_IWGRP) and folder.st_gid != _own_group(folder.st_uid)
    )


def _own_group(uid: int) -> int | None:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return None


def _name_of(uid: int) -> str:
    try:
        return plain(pwd.getpwuid(uid).pw_name, limit=64)
    except KeyError:
        return f"account {uid}"

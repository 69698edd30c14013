"""Who is at the keyboard, and who is who, as the operating system says. Looked up anew each time: groups change."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from siscon.domain.roles import Account, Person, accounts_in
from siscon.domain.text import plain

UNKNOWN = "unknown"
LOGIN_UID = Path("/proc/self/loginuid")
NOBODY_LOGGED_IN = 2**32 - 1


def account_of(uid: int) -> Account:
    """The account of a number; one that has no entry is called ``unknown``, and is in no group."""
    try:
        found = pwd.getpwuid(uid)
    except (KeyError, OverflowError):
        return Account(UNKNOWN, uid)
    return Account(_name(found.pw_name), uid, _groups(found))


def _name(text: str) -> str:
    """A name as an actor may hold it: no blank and no bracket, which would make another actor of it."""
    return plain(text, limit=64).translate(str.maketrans(" ()", "___"))


def _groups(found: pwd.struct_passwd) -> frozenset[str]:
    names = set()
    for gid in os.getgrouplist(found.pw_name, found.pw_gid):
        with suppress(KeyError):
            names.add(grp.getgrgid(gid).gr_name)
    return frozenset(names)


def current_person(environ: Mapping[str, str]) -> Person:
    """Who runs this process: the account, and who logged in where that is another.

    The kernel's note of the login goes before what ``sudo`` left in the environment, which anybody can write there.
    """
    account = account_of(os.getuid())
    uid = _login_uid()
    if uid is None and environ.get("SUDO_UID", "").isdecimal():
        uid = int(environ["SUDO_UID"])
    return Person(account, account_of(uid) if uid is not None and uid != account.uid else None)


def _login_uid() -> int | None:
    with suppress(OSError, ValueError):
        uid = int(LOGIN_UID.read_text(encoding="ascii"))
        return uid if uid != NOBODY_LOGGED_IN else None
    return None


def person_named(actor: str) -> Person | None:
    """The person that a row names, if name and number belong together on this machine; else None."""
    found = [account_of(uid) for _name, uid in accounts_in(actor)]
    if not found or [(one.name, one.uid) for one in found] != accounts_in(actor):
        return None
    return Person(*found)

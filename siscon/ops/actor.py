"""Who is at the keyboard: the account of the operating system, as commands and the audit name it."""

from __future__ import annotations

import os
import pwd

from siscon.domain.text import plain


def current_actor() -> str:
    """``name(uid)`` of the account that runs this process."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "unknown"
    return f"{plain(name, limit=64)}({uid})"

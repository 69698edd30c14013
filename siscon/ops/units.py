"""The units by which systemd runs siscon, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import UsageError

SYSTEM_PLACE = Path("/etc/systemd/system/siscon.service")
USER_PLACE = Path("~/.config/systemd/user/siscon.service")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a unit is made of: the program with its arguments, where it may write, whose account it is.

    ``interpreter`` is the Python that runs it, links followed. ``key`` is the file from which the key is handed in
    as a credential; None: it lies in the home.
    """

    program: tuple[str, ...]
    config: Path
    home: Path
    interpreter: Path = Path("/usr/bin/python3")
    writable: tuple[Path, ...] = ()
    account: str = "siscon"
    key: Path | None = None


_HEAD = """[Unit]
Description=siscon keeps a local roster in step with Student Information Systems
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target
# A bad quarter of an hour, such as a full disk, must not end what is to run for a year.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={start}
Restart=on-failure
RestartSec=10
# A configuration that cannot be used does not mend itself.
RestartPreventExitStatus=2
# Killed and started again when its heart has not beaten for so long.
WatchdogSec=60
# An older database is copied and brought up to date before the engine is ready.
TimeoutStartSec=15min
# It ends within 5 seconds; the open batch is given more.
TimeoutStopSec=30
KillMode=mixed
UMask=0077
LimitCORE=0
"""
_HARDENED = """User={account}
{state}NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={protect_home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
_FOOT = """
[Install]
WantedBy={target}
"""


def system_unit(wanted: Wanted) -> str:
    """A unit for an account of its own, which may write into its home alone."""
    home = wanted.home
    if home.parent == Path("/var/lib"):
        state = f"StateDirectory={_escaped(home.name)}\nStateDirectoryMode=0700\n"
        more = wanted.writable
    else:
        state, more = "", (home, *wanted.writable)
    if more:
        state += f"ReadWritePaths={' '.join(_word(str(one)) for one in more)}\n"
    if wanted.key is not None:
        state += f"LoadCredential=siscon.key:{_escaped(str(wanted.key))}\n"
    hardened = _HARDENED.format(
        account=_escaped(wanted.account), state=state, protect_home="no" if in_homes(wanted) else "yes"
    )
    return _HEAD.format(start=_command(wanted)) + hardened + _FOOT.format(target="multi-user.target")


def user_unit(wanted: Wanted) -> str:
    """A unit for the account of whoever installs it; it needs no administrator."""
    return (
        _HEAD.format(start=_command(wanted)) + "NoNewPrivileges=yes\n" + _FOOT.format(target="default.target")
    )


def in_homes(wanted: Wanted) -> list[Path]:
    """What of it lies in somebody's own folder, where an account of the system can seldom come."""
    places = (wanted.home, wanted.config, Path(wanted.program[0]), wanted.interpreter, *wanted.writable)
    return [one for one in places if one.parts[:2] in (("/", "home"), ("/", "root"))]


def steps(*, user: bool, account: str, folders: Sequence[Path], printing: str) -> list[str]:
    """The commands that install a unit, in their order.

    ``folders``: the home, and others for this account alone; ``printing``: the command that prints the unit.
    """
    if user:
        return [
            f"mkdir -p {USER_PLACE.parent}",
            f"{printing} > {USER_PLACE}",
            "systemctl --user daemon-reload",
            "systemctl --user enable --now siscon",
            "loginctl enable-linger $USER    # it goes on when you log out",
            "journalctl --user -u siscon",
        ]
    return [
        f"useradd --system --user-group --home-dir {shlex.quote(str(folders[0]))} --shell /usr/sbin/nologin {account}",
        *(f"install -d -m 700 -o {account} -g {account} {shlex.quote(str(one))}" for one in folders),
        f"{printing} > {SYSTEM_PLACE}",
        "systemctl daemon-reload",
        "systemctl enable --now siscon",
        "journalctl -u siscon",
    ]


def _command(wanted: Wanted) -> str:
    return _words((*wanted.program, "--config", str(wanted.config), "serve"))


def _words(words: Iterable[str]) -> str:
    return " ".join(_word(one).replace("$", "$$") for one in words)


def _word(word: str) -> str:
    """One word as systemd reads it: quoted where it must be."""
    escaped = _escaped(word)
    if any(one in word for one in " '\"\\;"):
        told = escaped.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{told}"'
    return escaped


def _escaped(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise UsageError("A unit cannot name a path with a line break in it.")
    return text.replace("%", "%%")

"""The services that apprise knows, where its package is installed (the extra ``notify``). The only door to it."""

from __future__ import annotations

import importlib
from typing import Any

from siscon.config import ChannelSettings
from siscon.domain.deliveries import Fate, Message, Outcome


def send(message: Message, channel: ChannelSettings) -> Outcome:
    """Hand a message to apprise; blocks. Which of several addresses failed it does not say, so all are tried again.

    It follows rules of its own for redirects and proxies, and does not say why something failed.
    """
    try:
        apprise: Any = importlib.import_module("apprise")
    except ImportError:
        return Outcome(Fate.LATER, "apprise is not installed: pip install 'siscon[notify]'", blocked=True)
    told = apprise.Apprise()
    for url in channel.urls:
        if not told.add(url.reveal()):
            return Outcome(Fate.LATER, "apprise does not understand one of the addresses", blocked=True)
    kind = apprise.NotifyType.WARNING
    if told.notify(body=message.text, title=message.subject, notify_type=kind, body_format="text"):
        return Outcome(Fate.SENT)
    return Outcome(Fate.LATER, "apprise could not hand it over", blocked=True)

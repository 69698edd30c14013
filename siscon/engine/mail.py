"""Mail: a message as one, and its way to a mail server, secured and checked, in a thread that can be cut off."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from siscon.config import ChannelSettings
from siscon.domain.deliveries import Fate, Message, Outcome
from siscon.domain.errors import ConfigError
from siscon.domain.privacy import strike
from siscon.domain.text import plain
from siscon.providers.transport.tls import trust

POLICY = SMTP.clone(cte_type="7bit")
LOOK_EVERY_S = 0.1
READ_GRACE_S = 1.0
"""So much longer than the whole is smtplib's own limit for one read: what is late must not look like a broken line."""
ANSWER_MOST = 64 * 1024
"""Of one answer so many bytes are read; smtplib keeps every line of it, however many come."""


class _NoEnd(Exception):
    """An answer of a mail server that goes on and on; no OSError, for smtplib takes every such for the line's end."""


class _Bounded:
    """What reads an answer of a mail server gives up where it does not end."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, ANSWER_MOST

    def readline(self, most: int) -> bytes:
        line: bytes = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise _NoEnd
        return line

    def close(self) -> None:
        self._file.close()


class _Answers(smtplib.SMTP):
    """Reads each answer as far as it may go."""

    file: Any = None

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("there is no line")
        whole = self.file or self.sock.makefile("rb")
        self.file = bounded = _Bounded(whole)
        try:
            return super().getreply()
        finally:
            if self.file is bounded:
                self.file = whole


class _SecuredAnswers(_Answers, smtplib.SMTP_SSL):
    """The same over a line that is secured from its begin."""


def composed(message: Message, channel: ChannelSettings) -> EmailMessage:
    """The mail of a message: the same id and date at each attempt, and a mark that no machine should answer it."""
    assert channel.sender is not None, "the configuration was checked"
    mail = EmailMessage(policy=POLICY)
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Subject"] = message.subject
    mail["Date"] = datetime.fromtimestamp(message.put_at_ms / 1000, UTC)
    mail["Message-ID"] = f"<{message.uid}@{channel.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail


def send(message: Message, channel: ChannelSettings, cut: threading.Event) -> Outcome:
    """Hand a message to the mail server of a channel; blocks, at most as long as the channel allows or until ``cut``.

    A 4xx answer means later, a 5xx answer to this very mail never. Whatever goes wrong before it is mentioned (name,
    certificate, login) is the channel's trouble.
    """
    to = message.left_to or channel.to
    content = composed(message, channel).as_bytes()
    late = threading.Event()
    connection = _connection(channel)
    try:
        with _cut_off(connection, cut, late, after_s=channel.timeout_s):
            _open(connection, channel)
            return _handed_over(connection, channel, to, content)
    except (smtplib.SMTPException, OSError, ConfigError, ValueError, _NoEnd) as fault:
        said = "the mail server gave no whole answer in time" if late.is_set() else _words(fault, channel)
        return Outcome(Fate.LATER, said, blocked=True)
    finally:
        with suppress(Exception):
            connection.close()


def _connection(channel: ChannelSettings) -> smtplib.SMTP:
    """A connection that is not yet open."""
    name = socket.gethostname()
    own = name if "." in name else "[127.0.0.1]"
    longest_s = channel.timeout_s + READ_GRACE_S
    if channel.security == "tls":
        context = trust(channel.ca_file)
        return _SecuredAnswers(timeout=longest_s, context=context, local_hostname=own)
    return _Answers(timeout=longest_s, local_hostname=own)


def _open(connection: smtplib.SMTP, channel: ChannelSettings) -> None:
    connection._host = channel.host  # type: ignore[attr-defined]  # the name that the certificate must bear
    code, said = connection.connect(channel.host, channel.smtp_port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, said)
    if channel.security == "starttls":
        connection.ehlo_or_helo_if_needed()
        if not connection.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError(
                "the mail server offers no STARTTLS, and in clear nothing is sent"
            )
        connection.starttls(context=trust(channel.ca_file))
    connection.ehlo_or_helo_if_needed()
    if channel.username is not None and channel.password is not None:
        connection.login(channel.username.reveal(), channel.password.reveal())


def _handed_over(
    connection: smtplib.SMTP, channel: ChannelSettings, to: tuple[str, ...], content: bytes
) -> Outcome:
    try:
        refused = connection.sendmail(str(channel.sender), list(to), content)
    except smtplib.SMTPRecipientsRefused as fault:
        # of several, those behind one that ends it were not even named
        return _refused(fault.recipients, channel, waiting=to, anybody_has_it=False)
    except smtplib.SMTPResponseException as fault:
        later = not 500 <= fault.smtp_code < 600
        said = f"the mail server answered {_answer(fault.smtp_code, fault.smtp_error, channel)}"
        return Outcome(Fate.LATER if later else Fate.NEVER, said)
    with suppress(smtplib.SMTPException, OSError):
        connection.quit()
    if not refused:
        return Outcome(Fate.SENT)
    return _refused(refused, channel, waiting=refused, anybody_has_it=True)


def _refused(
    refused: Mapping[str, tuple[int, bytes]],
    channel: ChannelSettings,
    *,
    waiting: Collection[str],
    anybody_has_it: bool,
) -> Outcome:
    """Receivers were refused: those whom a later try may reach are tried again, and they alone."""
    never = {one for one, (code, _) in refused.items() if 500 <= code < 600}
    later = tuple(one for one in waiting if one not in never)
    said = "; ".join(f"{one}: {_answer(*answer, channel)}" for one, answer in list(refused.items())[:5])
    error, gone = f"the mail server refused {said}", tuple(sorted(never))
    if later:
        return Outcome(Fate.LATER, error, left_to=later, refused_by=gone)
    return Outcome(Fate.SENT, error, refused_by=gone) if anybody_has_it else Outcome(Fate.NEVER, error)


def _answer(code: int, said: bytes | str, channel: ChannelSettings) -> str:
    """What a mail server said, without the secrets that it may repeat: struck before the text is cut."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {plain(strike(' '.join(text.split()), channel.secrets), limit=200)}"


def _words(fault: Exception, channel: ChannelSettings) -> str:
    """What went wrong before the mail was mentioned, for people."""
    match fault:
        case ConfigError():
            return fault.sentence
        case ssl.SSLCertVerificationError():
            return f"the mail server's certificate was refused: {plain(fault.verify_message).rstrip('.')}"
        case ssl.SSLError():
            return f"no secure line could be agreed on with the mail server ({plain(fault.reason or 'TLS')})"
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refused the login: {_answer(fault.smtp_code, fault.smtp_error, channel)}"
        case smtplib.SMTPResponseException():
            return f"the mail server answered {_answer(fault.smtp_code, fault.smtp_error, channel)}"
        case _NoEnd():
            return "the mail server's answer has no end"
        case smtplib.SMTPServerDisconnected():
            return "the mail server broke off"
        case smtplib.SMTPException():
            return plain(strike(str(fault), channel.secrets), limit=200)
        case TimeoutError():
            return "the mail server gave no answer in time"
        case _:
            why = getattr(fault, "strerror", None) or type(fault).__name__
            return f"the mail server cannot be reached: {plain(why)}"


@contextmanager
def _cut_off(
    connection: smtplib.SMTP, cut: threading.Event, late: threading.Event, *, after_s: float
) -> Iterator[None]:
    """Break the line off, and set ``late``, when the time is over or nobody wants it any more.

    smtplib's own limit is one for each read, and a server may drip for ever.
    """
    done = threading.Event()
    deadline_s = time.monotonic() + after_s

    def watch() -> None:
        while not done.wait(LOOK_EVERY_S):
            if cut.is_set() or time.monotonic() > deadline_s:
                late.set()
                with suppress(OSError, AttributeError):
                    connection.sock.shutdown(2)  # type: ignore[union-attr]  # None before it is open

    watcher = threading.Thread(target=watch, name="siscon-mail-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()

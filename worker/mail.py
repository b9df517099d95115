"""Settings of e-mail: the server that takes it, and who gets it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ml.errors import ConfigurationError
from ml.settings import read_list

PORTS = {"smtp": 25, "smtps": 465}
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


def read_emails(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Addresses, separated by commas; raises ConfigurationError."""
    found = read_list(env, name)
    if wrong := [one for one in found if not EMAIL.fullmatch(one)]:
        raise ConfigurationError(
            f"{name} names {wrong[0]!r}; expected addresses such as ann@example.com, separated by commas."
        )
    return found


@dataclass(frozen=True)
class MailSettings:
    """The server that takes our e-mails ('': none are sent), who gets them where nobody else is named, and who gets the
    reports of the stock."""

    scheme: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    recipients: tuple[str, ...] = ()
    stock_recipients: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> MailSettings:
        """Read FORECASTLE_SMTP_URL (smtp:// or smtps://user:password@host:port), FORECASTLE_MAIL_FROM,
        FORECASTLE_ALERT_EMAILS and FORECASTLE_STOCK_EMAILS; raises ConfigurationError."""
        recipients, stock = read_emails(env, "FORECASTLE_ALERT_EMAILS"), read_emails(env, "FORECASTLE_STOCK_EMAILS")
        text, sender = env.get("FORECASTLE_SMTP_URL", "").strip(), env.get("FORECASTLE_MAIL_FROM", "").strip()
        if not text:
            return cls(recipients=recipients, stock_recipients=stock)
        try:
            parts = urlsplit(text)
            port = parts.port or PORTS[parts.scheme]
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        if not parts.hostname or "@" not in sender:
            raise ConfigurationError(
                "FORECASTLE_SMTP_URL needs an address such as smtp://user:password@mail.example.com:587, "
                "and FORECASTLE_MAIL_FROM the address that e-mails come from."
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, port, user, password, sender, recipients, stock)

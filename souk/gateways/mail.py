"""E-mail to a mail server (RFC 5321), by aiosmtplib."""

from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from .letters import NotNow, Undeliverable

CONNECT, TOTAL = 2.0, 10.0
HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class SmtpMail:
    """A mail server, `smtp://user:password@host:587` or `smtps://…:465`. A password never travels in clear text but on
    this machine: elsewhere a server that offers no STARTTLS is refused."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self.host, self.sender = parts.hostname or "localhost", sender
        self.tls = parts.scheme == "smtps"
        self.port = parts.port or (465 if self.tls else 587)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    async def send(self, id: str, to: str, subject: str, body: str) -> None:
        """Hand a letter on. `id` becomes its Message-ID, so that a second one is recognised. Raises Undeliverable, NotNow."""
        domain = parseaddr(self.sender)[1].rpartition("@")[2] or self.host
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Message-ID"] = f"<{id}@{domain}>"
        message.set_content(body)
        client = aiosmtplib.SMTP(
            hostname=self.host, port=self.port, use_tls=self.tls, timeout=TOTAL,
            start_tls=None if self.host in HOSTS or self.tls else True,
        )  # fmt: skip
        try:
            await client.connect(timeout=CONNECT)
            try:
                if self.user is not None:
                    await client.login(self.user, self.password or "")
                await client.send_message(message)
            finally:
                client.close()
        except aiosmtplib.SMTPRecipientsRefused as refused:
            codes = [each.code for each in refused.recipients]
            raise (Undeliverable if all(code >= 500 for code in codes) else NotNow)(f"smtp {codes[0]}") from None
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotNow(f"smtp {error.code}") from None  # ours to mend, no fault of the letter
        except aiosmtplib.SMTPResponseException as error:
            raise (Undeliverable if error.code >= 500 else NotNow)(f"smtp {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise NotNow(type(error).__name__) from None

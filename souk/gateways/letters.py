"""What hands letters on: the protocol, and how it fails."""

from typing import Protocol


class Undeliverable(Exception):
    """Refused for good; the message is one word for the record and holds no address."""


class NotNow(Exception):
    """Not this time, perhaps later."""


class Gateway(Protocol):
    """One way to people. `id` is the letter's: who gets it twice can tell."""

    async def send(self, id: str, to: str, subject: str, body: str) -> None: ...

"""Letters to a dealer about its prices: one for each step of the ladder, and one that takes the last one back."""

from datetime import datetime, timedelta

from ..db.session import Transaction
from ..models import Dealer
from ..rules.enums import LetterChannel
from ..rules.letters import words
from .letter import post, sender

GOOD_FOR = timedelta(days=7)
"""For how long a letter is tried that has no deadline of its own."""


async def notify(
    tx: Transaction, dealer: Dealer, what: str, *, reason: str = "", until: datetime | None = None
) -> None:
    """Write to the dealer's address, or else to its number; `what` names the words, `until` is the end of its time to cure.

    A dealer with neither is written nothing: what was decided stands in its record.
    """
    channel, to = (LetterChannel.EMAIL, dealer.email) if dealer.email else (LetterChannel.SMS, dealer.phone)
    if to is None:
        return
    by = await sender(tx)
    said = words(by.locale)
    told: str = getattr(said, what)
    body = told.format(name=by.name, dealer=dealer.name, reason=reason, until=f"{until or tx.now:%Y-%m-%d %H:%M} UTC")
    subject = said.enforcement_subject.format(name=by.name)
    await post(tx, channel, to, subject, body, expires_at=until or tx.now + GOOD_FOR)

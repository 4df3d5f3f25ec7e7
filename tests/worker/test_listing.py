"""The timer of listings."""

from souk.resolvers.listing import EXPIRY, expire
from souk.worker.due import TIMERS


def test_the_end_of_a_listing_is_answered() -> None:
    assert TIMERS[EXPIRY] is expire

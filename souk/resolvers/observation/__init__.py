"""The one door through which a price is seen: live listings, imported observations and seeded ones alike.

Each observation is held against every policy that was valid when the price was captured. What becomes of the one live
alert of (dealer, competitor, SKU, kind) is decided by `rules.alert.observe`, under a lock of that key; the unique index
`uq_alert_live` is the wall behind it.
"""

from ..evidence import Sale
from ..limits import Limit, Seen, limits
from .curing import cure_due
from .effects import CURE, SNOOZE, resolve, take_back, woken
from .key import OWN_CHANNEL, state_of
from .seeing import observe, observe_price

__all__ = [
    "CURE",
    "OWN_CHANNEL",
    "SNOOZE",
    "Limit",
    "Sale",
    "Seen",
    "cure_due",
    "limits",
    "observe",
    "observe_price",
    "resolve",
    "state_of",
    "take_back",
    "woken",
]

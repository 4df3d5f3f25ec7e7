"""The one door through which a price is seen: live listings, imported observations and seeded ones alike.

Many are seen with as many statements as one: what they may touch is looked up and locked first, then each is decided upon
in the order of their times, then all that follows is written. Each observation is held against every policy that was valid
when the price was captured. What becomes of the one live alert of (dealer, competitor, SKU, kind) is decided by
`rules.alert.observe`, under a lock of that key; the unique index `uq_alert_live` is the wall behind it.
"""

from ..evidence import Sale
from ..limits import Limit, Seen, limits
from .curing import cure_due
from .effects import CURE, SNOOZE, resolve, resolve_awaiting, woken
from .ground import Sight
from .judging import observe_all
from .key import OWN_CHANNEL, state_of
from .seeing import observe, observe_price
from .standing import CALM, calm, watched
from .stock import STOCK, look, look_at_stock
from .undercut import compare, our_price_moved

__all__ = [
    "CALM",
    "CURE",
    "OWN_CHANNEL",
    "SNOOZE",
    "STOCK",
    "Limit",
    "Sale",
    "Seen",
    "Sight",
    "calm",
    "compare",
    "cure_due",
    "limits",
    "look",
    "look_at_stock",
    "observe",
    "observe_all",
    "observe_price",
    "our_price_moved",
    "resolve",
    "resolve_awaiting",
    "state_of",
    "watched",
    "woken",
]

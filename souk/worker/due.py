"""Every timer of the domains on one screen: what is due, and which function answers it."""

from ..resolvers import alert, export, importing, lead, letter, listing, offer, user
from ..resolvers.observation import CALM, CURE, SNOOZE, STOCK, calm, cure_due, look_at_stock
from ..resolvers.session import keys
from ..resolvers.ticket import steps, timers
from .timers import TIMERS, timer

timer(CURE)(cure_due)
timer(CALM)(calm)
timer(STOCK)(look_at_stock)
timer(SNOOZE)(alert.alert_wake)
timer(export.EXPIRY)(export.expire)
timer(importing.EXPIRY)(importing.expire)
timer(listing.EXPIRY)(listing.expire)
timer(offer.writes.EXPIRY)(offer.expire)
timer(lead.follow.EXPIRY)(lead.expire)
timer(letter.OVER)(letter.forget)
timer(keys.OVER)(keys.forget)
timer(user.EXPIRY)(user.expire_invite)
timer(steps.CLOSE)(timers.close_resolved)
timer(steps.RESOLVE)(timers.resolve_unanswered)
timer(steps.RESUME)(timers.resume)

__all__ = ["TIMERS"]

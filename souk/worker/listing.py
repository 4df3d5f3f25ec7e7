"""The timer of listings: their end."""

from ..resolvers.listing import EXPIRY, expire
from .timers import TIMERS, timer

timer(EXPIRY)(expire)
__all__ = ["TIMERS"]

"""The timer of listings: their end."""

from ..resolvers.listing import EXPIRY, expire
from .timers import timer

timer(EXPIRY)(expire)

"""The timer of people: invitations lapse."""

from ..resolvers.user import EXPIRY, expire_invite
from .timers import timer

timer(EXPIRY)(expire_invite)

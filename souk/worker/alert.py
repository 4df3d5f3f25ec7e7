"""The timer of alerts: the end of the time to cure."""

from ..resolvers.observation import CURE, cure_due
from .timers import timer

timer(CURE)(cure_due)

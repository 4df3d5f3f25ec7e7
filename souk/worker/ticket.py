"""The timers of tickets: closing, resolving what nobody answers, the end of a hold."""

from ..resolvers.ticket import close_resolved, resolve_unanswered, resume
from ..resolvers.ticket.steps import CLOSE, RESOLVE, RESUME
from .timers import timer

timer(CLOSE)(close_resolved)
timer(RESOLVE)(resolve_unanswered)
timer(RESUME)(resume)

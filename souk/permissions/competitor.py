"""Who sees those who sell the same outside the marketplace, and who keeps the list."""

from ..models import Competitor, CompetitorSnapshot
from .base import Permission


class SeesCompetitor(Permission[Competitor]):
    """Staff, but for the service desk."""

    name = "competitor:read"
    model = Competitor


class SeesSnapshot(Permission[CompetitorSnapshot]):
    """What was seen on a competitor's page."""

    name = "competitor:read"
    model = CompetitorSnapshot


class WritesCompetitor(Permission[Competitor]):
    """Creates and updates."""

    name = "competitor:write"
    model = Competitor
    message = "You may not change competitors."

"""Who sees the teams of the desk, and who makes them."""

from ..models import Team
from .base import Permission


class SeesTeam(Permission[Team]):
    """Teams of the desk."""

    name = "team:read"
    model = Team
    message = "Teams are shown to staff."


class WritesTeam(Permission[Team]):
    """Makes teams, renames them, and says who works in them."""

    name = "team:write"
    model = Team
    message = "You may not change this team."

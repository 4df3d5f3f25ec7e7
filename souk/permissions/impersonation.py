"""For whom support may act."""

from typing import Any

from sqlalchemy import ColumnElement, true

from ..models import User
from ..rules.actor import Role
from .base import Permission
from .user import _owner


class Impersonates(Permission[User]):
    """OWNER for everybody, ADMIN for everybody but an OWNER."""

    name = "user:impersonate"
    model = User
    in_python = False
    message = "You may not act for this person."

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return ~_owner() if viewer.role is Role.ADMIN else true()

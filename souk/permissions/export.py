"""Whose the file of an export is."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from ..models import Export
from ..rules.actor import Actor
from .base import Permission


class ReadsExport(Permission[Export]):
    """Its creator's alone, in the role in which it was asked for: what it holds is what that role could read."""

    name = "batch:export"
    model = Export
    message = "The file of an export is its creator's."

    def within(self, actor: Actor, row: Any) -> bool:
        mine = (actor.user_id is not None and row.creator_id == actor.user_id) or (
            actor.token_id is not None and row.token_id == actor.token_id
        )
        return mine and row.role == actor.role and row.dealer_id == actor.dealer_id

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        mine = or_(Export.creator_id == viewer.user_id, Export.token_id == viewer.token_id)
        for_it = Export.dealer_id == viewer.dealer_id if viewer.of_dealer else Export.dealer_id.is_(None)
        return and_(mine, Export.role == viewer.role.value, for_it)

    def owns(self, actor: Actor, row: Any) -> bool:
        return self.within(actor, row)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return self.within_rows(viewer)

"""Files that are handed over for imports."""

from typing import Any

from sqlalchemy import ColumnElement

from ..models import Upload
from ..rules.actor import Actor
from .base import Permission


class UsesUpload(Permission[Upload]):
    """Staff use every file of the tenant, everybody else those they handed over."""

    name = "upload:create"
    model = Upload

    def owns(self, actor: Actor, row: Any) -> bool:
        return actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        own: ColumnElement[bool] = Upload.dealer_id == viewer.dealer_id
        return own

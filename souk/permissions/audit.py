"""Who reads the audit."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from ..models import AccessRefusal, AuditEvent
from ..rules.actor import Actor
from .base import Permission


class SeesAudit(Permission[AuditEvent]):
    """Staff who may all of it; a person what it did or what was done to it, a dealer what concerns its organisation."""

    name = "audit:read"
    model = AuditEvent

    def owns(self, actor: Actor, row: AuditEvent) -> bool:
        me, dealer = actor.user_id, actor.dealer_id
        if me is not None and (row.actor_id == me or (row.subject_type == "User" and row.subject_id == me)):
            return True
        if dealer is None:
            return False
        return row.dealer_id == dealer or (row.subject_type == "Dealer" and row.subject_id == dealer)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        me = or_(
            AuditEvent.actor_id == viewer.user_id,
            and_(AuditEvent.subject_type == "User", AuditEvent.subject_id == viewer.user_id),
        )
        if not viewer.of_dealer:
            return me
        dealer = and_(AuditEvent.subject_type == "Dealer", AuditEvent.subject_id == viewer.dealer_id)
        return or_(me, AuditEvent.dealer_id == viewer.dealer_id, dealer)


class OpensChanges(SeesAudit):
    """What was changed: staff all of it, others what they changed themselves."""

    message = "What others changed is shown to staff."

    def owns(self, actor: Actor, row: AuditEvent) -> bool:
        return actor.user_id is not None and row.actor_id == actor.user_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        mine: ColumnElement[bool] = AuditEvent.actor_id == viewer.user_id
        return mine


class ReadsRefusals(Permission[AccessRefusal]):
    """Refused access, and reads of personal data that is locked to others."""

    name = "audit:readRefusals"
    model = AccessRefusal

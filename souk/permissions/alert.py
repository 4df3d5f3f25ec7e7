"""Who sees alerts and their evidence, and who moves them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.orm import aliased

from ..models import Alert, EvidenceSaleRow, EvidenceSnapshot
from ..rules.actor import Actor, Role
from .base import AnyOf, Permission


def outside(viewer: Any) -> bool:
    """Whether somebody is no staff and no service of the tenant: then what is said of others is left out."""
    return viewer.role in (Role.DEALER, Role.CUSTOMER, Role.PUBLIC) or bool(viewer.of_dealer)


class SeesAlert(Permission[Alert]):
    """Staff who may; the dealer who breaches once a notice was sent."""

    name = "alert:read"
    model = Alert
    message = "Alerts are shown to staff who may, and to a dealer once a notice was sent."

    def owns(self, actor: Actor, row: Alert) -> bool:
        return row.notice_sent_at is not None and actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Alert.notice_sent_at.is_not(None), Alert.dealer_id == viewer.dealer_id)


class _Evidence(Permission[Any]):
    message = "Evidence is shown to staff who may, and to a dealer once a notice was sent."
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        of = aliased(Alert)
        told = and_(of.notice_sent_at.is_not(None), of.dealer_id == viewer.dealer_id)
        return exists().where(of.tenant_id == self.model.tenant_id, of.id == self.model.alert_id, told)


class SeesSnapshot(_Evidence):
    """Prices that were seen."""

    name = "alert:readEvidence"
    model = EvidenceSnapshot


class SeesSaleRow(_Evidence):
    """Sales; for a dealer without those of other dealers."""

    name = "alert:readEvidence"
    model = EvidenceSaleRow

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(super().owned(viewer), EvidenceSaleRow.dealer_id == viewer.dealer_id)


class AcknowledgesAlert(Permission[Alert]):
    """Acknowledges."""

    name = "alert:acknowledge"
    model = Alert
    message = "You may not acknowledge alerts."


class MovesAlert(Permission[Alert]):
    """Investigates, resolves, dismisses, opens again."""

    name = "alert:transition"
    model = Alert
    message = "You may acknowledge an alert; everything else is for OWNER, ADMIN and OPS."


class AddsEvidence(Permission[Alert]):
    """Puts evidence to an alert."""

    name = "observation:write"
    model = Alert
    message = "You may not add to the evidence."


class AppealsAlert(SeesAlert):
    """The dealer who breaches, once a notice was sent."""

    name = "alert:appeal"
    message = "Only the dealer whom an alert concerns appeals against it."


def moves_alert() -> AnyOf:
    """Whoever has one of the two rows may call `alertTransition`; the row of the step itself is asked then."""
    return AnyOf(AcknowledgesAlert(), MovesAlert())


MOVES: dict[str, Permission[Alert]] = {"alert:acknowledge": AcknowledgesAlert(), "alert:transition": MovesAlert()}

"""The ids that other systems give to our rows: given when a row is brought in, found by filters."""

from typing import Any

from sqlalchemy import Select, select

from ..db.session import Transaction
from ..engine.symbols import Viewer
from ..models import ExternalRef, Lead, new_id
from ..rules import text
from ..rules.actor import STAFF, Role
from ..rules.enums import ExternalType
from ..rules.errors import Forbidden, NotUnique, Problems
from .filters import ExternalIdInput
from .writing import means

NAMED = "What another system calls it, for staff and for integrations of the tenant; it is found by that afterwards."

means(
    "uq_external_ref_tenant_id_source_type_external_id",
    lambda: NotUnique("This id names another row already.", field="external_id"),
)


async def brought_in(tx: Transaction, type_: ExternalType, row: Any, given: ExternalIdInput | None) -> None:
    """Keep what another system calls a new row, if it says so. Raises Forbidden, Required, TooLong.

    Only for those who see the tenant's rows: a taken id would tell a dealer what others bring in.
    """
    if given is None:
        return
    actor = tx.actor
    if actor.dealer_id is not None or actor.role not in (*STAFF, Role.SERVICE):
        raise Forbidden("Staff and integrations of the tenant name what they bring in.", field="external_id")
    problems = Problems()
    source = problems.take(lambda: text.line(given.source, 100), "external_id", "source")
    external_id = problems.take(lambda: text.line(given.external_id, 200), "external_id", "external_id")
    problems.check()
    await tx.session.flush()
    tx.add(ExternalRef(id=new_id(), source=source, type=type_, external_id=external_id, subject_id=row.id))
    await tx.session.flush()


def external_ids_of_lead(viewer: Viewer, lead: Lead) -> Select[ExternalRef]:
    """What other systems call it."""
    found = select(ExternalRef).where(ExternalRef.subject_id == lead.id, ExternalRef.type == ExternalType.LEAD)
    return found.order_by(ExternalRef.source, ExternalRef.external_id)

"""How many rows there are, by what the hot lists are narrowed by: kept by triggers of the tables that are counted."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped

from .alert import Alert, Task
from .base import Model, col
from .lead import Lead
from .listing import Listing
from .offer import Offer
from .ticket import Ticket


class KeptCount(Model):
    """So many rows more, or fewer, of one group: a statement adds one for each group that it changed, `n` adds up.

    No two writers touch the same row, so that none waits for another; `souk.fold_counts()` makes one row of a group's many.
    A tenant that is gone leaves nothing: what its rows leave adds up to 0.
    """

    __tablename__ = "kept_count"
    __table_args__ = (
        Index("ix_kept_count_loose", "tenant_id", "subject", "status", postgresql_where=text("NOT folded")),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", primary_key=True)
    subject: Mapped[str] = col("The table whose rows are counted.", primary_key=True)
    status: Mapped[str] = col("Their state.", primary_key=True)
    seq: Mapped[int] = col(
        "Tells apart what is to be added up.", BigInteger(), server_default=Identity(always=True), primary_key=True
    )
    kind: Mapped[str | None] = col("Their kind; null where it is not kept.")
    severity: Mapped[str | None] = col("Their severity; null where it is not kept.")
    visibility: Mapped[str | None] = col("For whom they are meant; null where it is not kept.")
    removed: Mapped[bool] = col("Whether they are put away.")
    folded: Mapped[bool] = col("Whether it is the sum of what was there, not what a statement added.", default=False)
    n: Mapped[int] = col("How many more, or fewer.", BigInteger())


KEPT: dict[Any, tuple[str, ...]] = {
    Listing: ("tenant_id", "status", "kind", "visibility", "deleted_at"),
    Offer: ("tenant_id", "status"),
    Lead: ("tenant_id", "status"),
    Alert: ("tenant_id", "status", "kind", "severity"),
    Ticket: ("tenant_id", "status", "deleted_at"),
    Task: ("tenant_id", "status", "kind"),
}
"""By which columns the rows of a model are counted; of `deleted_at` only whether it is null, as `removed`."""

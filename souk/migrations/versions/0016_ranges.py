"""Alerts by their cure, batches by their end and by their dealer: what dashboards count is found by an index.

Revision ID: 0016
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=where and sa.text(where))


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table)


INDEXES = (
    ("ix_alert_resolved", "alert", ["tenant_id", "resolved_at", "id"], "resolved_at IS NOT NULL"),
    ("ix_batch_ended", "batch", ["tenant_id", "ended_at", "id"], "ended_at IS NOT NULL"),
    ("ix_batch_dealer", "batch", ["tenant_id", "dealer_id", "created_at", "id"], "dealer_id IS NOT NULL"),
)

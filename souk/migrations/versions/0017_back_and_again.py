"""Items that are tried again or undone: where their attempts are counted from, and what doing them costs.

Revision ID: 0017
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0017"
down_revision: str | None = "0013"
branch_labels = None
depends_on = None

DEAD = "ix_batch_item_dead"


def upgrade() -> None:
    zero, nothing = sa.text("0"), sa.text("'{}'")
    op.add_column("batch_item", sa.Column("tried_before", sa.Integer(), server_default=zero, nullable=False))
    for table in ("batch_preview", "batch_preview_item"):
        op.add_column(table, sa.Column("cost", postgresql.JSONB(), server_default=nothing, nullable=False))
    op.create_index(DEAD, "batch_item", ["tenant_id", "created_at", "id"], postgresql_where=sa.text("status = 'DEAD'"))


def downgrade() -> None:
    op.drop_index(DEAD, "batch_item")
    for table in ("batch_preview_item", "batch_preview"):
        op.drop_column(table, "cost")
    op.drop_column("batch_item", "tried_before")

"""How sure it is that a competitor's thing is a SKU, and what was last found at each.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels = None
depends_on = None

TABLE, INDEX = "price_observation", "ix_price_observation_competitor"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("match_bp", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_price_observation_match_bounded"), TABLE, "match_bp BETWEEN 0 AND 10000")
    columns = ["tenant_id", "sku_id", "competitor_id", "currency", "captured_at", "id"]
    op.create_index(INDEX, TABLE, columns, postgresql_where=sa.text("competitor_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "match_bp")

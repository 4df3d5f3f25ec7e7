"""The price at which an alert was put off: only one further past the policy wakes it before its time.

Revision ID: 0013
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("snoozed_price_minor", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("alert", "snoozed_price_minor")

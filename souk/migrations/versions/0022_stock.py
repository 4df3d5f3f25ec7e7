"""Every tenant that is there has its stock looked at once a day, as a new one has.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY")  # which tenants there are stands behind the wall
    op.execute(
        "INSERT INTO souk.work (tenant_id, kind, ref, due_at) SELECT id, 'stock.look', id, now() + interval '1 day'"
        " FROM tenant ON CONFLICT DO NOTHING"
    )
    op.execute("ALTER TABLE tenant FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DELETE FROM souk.work WHERE kind = 'stock.look'")

"""Appeals: tickets of a category of their own, one for each cycle of an alert, with how they were decided.

Revision ID: 0018
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0015"
branch_labels = None
depends_on = None

# every tenant gets one; a category that has the name already becomes it. The owner looks over the wall for that.
BACKFILL = (
    "ALTER TABLE category NO FORCE ROW LEVEL SECURITY",
    "UPDATE category SET purpose = 'APPEAL' WHERE kind = 'TICKET' AND parent_id IS NULL AND name = 'Appeal'"
    " AND archived_at IS NULL",
    "INSERT INTO category (tenant_id, id, created_at, updated_at, version, kind, name, purpose)"
    " SELECT id, gen_random_uuid(), now(), now(), 1, 'TICKET', 'Appeal', 'APPEAL' FROM tenant t"
    " WHERE NOT EXISTS (SELECT FROM category c WHERE c.tenant_id = t.id AND c.purpose = 'APPEAL')"
    " ON CONFLICT DO NOTHING",
    "ALTER TABLE category FORCE ROW LEVEL SECURITY",
)


def upgrade() -> None:
    op.add_column("category", sa.Column("purpose", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_category_purpose_known"), "category", "purpose IN ('APPEAL')")
    op.create_check_constraint(op.f("ck_category_purpose_of_tickets"), "category", "purpose IS NULL OR kind = 'TICKET'")
    op.create_index("uq_category_purpose", "category", ["tenant_id", "purpose"], unique=True)
    for statement in BACKFILL:
        op.execute(statement)
    op.add_column("ticket", sa.Column("appeal_cycle", sa.Integer(), nullable=True))
    op.add_column("ticket", sa.Column("appeal_decision", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_ticket_appeal_decision_known"), "ticket", "appeal_decision IN ('GRANT','REFUSE')"
    )
    op.create_check_constraint(
        op.f("ck_ticket_appeal_of_alert"), "ticket", "appeal_cycle IS NULL OR subject_type = 'ALERT'"
    )
    op.create_index(
        "uq_ticket_appeal",
        "ticket",
        ["tenant_id", "subject_id", "appeal_cycle"],
        unique=True,
        postgresql_where=sa.text("appeal_cycle IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_ticket_appeal", table_name="ticket")
    op.drop_column("ticket", "appeal_decision")
    op.drop_column("ticket", "appeal_cycle")
    op.drop_index("uq_category_purpose", table_name="category")
    op.drop_column("category", "purpose")

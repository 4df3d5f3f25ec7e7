"""What a dealer lacks while a restriction of it lives.

Revision ID: 0014
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0012"
branch_labels = None
depends_on = None

TABLE = "dealer_restriction"
ACTIONS = ("IMPORT_ROW", "SEND_WARNING", "SUSPEND_LISTING")
MORE = ("RESTRICT", "SUSPEND", "HOLD_PAYOUTS", "CREATE_TASK")
KINDS = ("LEAD_UNLOCK", "LISTING_RESUME", "OFFER", "PAYOUT")
WALL = "(tenant_id = (SELECT souk.current_tenant()))"


def known(table: str, actions: tuple[str, ...]) -> None:
    """The words of a table's actions, checked for the rows that come; those that are there had fewer to choose from."""
    name = f"ck_{table}_action_known"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    words = ",".join(f"'{action}'" for action in actions)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (action IN ({words})) NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def upgrade() -> None:
    for table in ("batch_item", "batch_preview_item"):
        known(table, ACTIONS + MORE)
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("batch_item_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            f"kind IN ({','.join(repr(kind) for kind in KINDS)})", name=op.f("ck_dealer_restriction_kind_known")
        ),
        sa.CheckConstraint("until >= since", name=op.f("ck_dealer_restriction_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_dealer_restriction_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_item_id"],
            ["batch_item.tenant_id", "batch_item.id"],
            name=op.f("fk_dealer_restriction_tenant_id_batch_item_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_dealer_restriction")),
    )
    op.create_index(
        "uq_dealer_restriction_live",
        TABLE,
        ["tenant_id", "dealer_id", "kind", "batch_item_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_dealer_restriction_dealer", TABLE, ["tenant_id", "dealer_id", "since", "id"])
    op.create_index("ix_dealer_restriction_item", TABLE, ["tenant_id", "batch_item_id"])
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_wall ON {TABLE} TO souk_owner, souk_app, souk_worker, souk_auditor"
        f" USING {WALL} WITH CHECK {WALL}"
    )
    # a restriction ends, it is never taken out of the record
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO souk_app, souk_worker")


def downgrade() -> None:
    op.drop_table(TABLE)
    for table in ("batch_item", "batch_preview_item"):
        known(table, ACTIONS)

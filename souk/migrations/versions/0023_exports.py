"""Lists as files: what was asked for, and the rows until the file is written.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels = None
depends_on = None

ACTIONS = ("IMPORT_ROW", "SEND_WARNING", "SUSPEND_LISTING", "RESTRICT", "SUSPEND", "HOLD_PAYOUTS", "CREATE_TASK")
MORE = ("EXPORT_ROWS", "EXPORT_FILE")
LISTS = "'ALERTS','BATCHES','DEALERS','LEADS','LISTINGS','OFFERS','TASKS','TICKETS'"
ROLES = "'OWNER','ADMIN','OPS','SALES','AGENT','VIEWER','DEALER','CUSTOMER','SERVICE','PUBLIC'"
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
        "export",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("filter", postgresql.JSONB(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("stored_as", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"list_name IN ({LISTS})", name=op.f("ck_export_list_name_known")),
        sa.CheckConstraint("format IN ('CSV','XLSX')", name=op.f("ck_export_format_known")),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_export_role_known")),
        sa.CheckConstraint(
            "num_nonnulls(row_count, size, sha256, expires_at) IN (0, 4)", name=op.f("ck_export_file_is_whole")
        ),
        sa.CheckConstraint("stored_as IS NULL OR sha256 IS NOT NULL", name=op.f("ck_export_stored_is_known")),
        sa.CheckConstraint("row_count >= 0 AND size >= 0", name=op.f("ck_export_counts_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["batch.tenant_id", "batch.id"],
            name=op.f("fk_export_tenant_id_batch_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "creator_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_export_tenant_id_creator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_export_tenant_id_dealer_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_export")),
        sa.UniqueConstraint("tenant_id", "batch_id", name=op.f("uq_export_tenant_id_batch_id")),
    )
    op.create_index("ix_export_creator", "export", ["tenant_id", "creator_id"])
    op.create_table(
        "export_part",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("row_count >= 0", name=op.f("ck_export_part_rows_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "export_id"],
            ["export.tenant_id", "export.id"],
            name=op.f("fk_export_part_tenant_id_export_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_export_part")),
        sa.UniqueConstraint("tenant_id", "export_id", "n", name=op.f("uq_export_part_tenant_id_export_id_n")),
    )
    # what is packed already is not packed again
    op.execute("ALTER TABLE export_part ALTER COLUMN data SET STORAGE EXTERNAL")
    for table in ("export", "export_part"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_wall ON {table} TO souk_owner, souk_app, souk_worker, souk_auditor"
            f" USING {WALL} WITH CHECK {WALL}"
        )
    op.execute("GRANT SELECT, INSERT ON export TO souk_app, souk_worker")
    # the rows that were read concern the worker alone
    op.execute("GRANT UPDATE ON export TO souk_worker")
    op.execute("GRANT SELECT, INSERT, DELETE ON export_part TO souk_worker")


def downgrade() -> None:
    op.drop_table("export_part")
    op.drop_table("export")
    for table in ("batch_item", "batch_preview_item"):
        known(table, ACTIONS)

"""Registered documents: the versions of applications, and what each of them sends.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation_manifest",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("client_app", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), nullable=False),
        sa.Column("owner_role", sa.Text(), nullable=True),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("deprecated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "owner_role IN ('OWNER','ADMIN','OPS','SALES','AGENT','VIEWER','DEALER','CUSTOMER','SERVICE','PUBLIC')",
            name=op.f("ck_operation_manifest_owner_role_known"),
        ),
        sa.CheckConstraint("documents >= 0", name=op.f("ck_operation_manifest_documents_counted")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_operation_manifest_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_operation_manifest")),
        sa.UniqueConstraint(
            "tenant_id",
            "client_app",
            "client_version",
            name=op.f("uq_operation_manifest_tenant_id_client_app_client_version"),
        ),
    )
    op.create_index(
        "ix_operation_manifest_newest", "operation_manifest", ["tenant_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "persisted_operation",
        sa.Column("manifest_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "sha256 = sha256(convert_to(document, 'UTF8'))", name=op.f("ck_persisted_operation_sha256_of_document")
        ),
        sa.CheckConstraint("ceiling >= 0", name=op.f("ck_persisted_operation_ceiling_positive")),
        sa.CheckConstraint(
            "octet_length(document) <= 262144", name=op.f("ck_persisted_operation_document_not_too_long")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "manifest_id"],
            ["operation_manifest.tenant_id", "operation_manifest.id"],
            name=op.f("fk_persisted_operation_tenant_id_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_persisted_operation")),
        sa.UniqueConstraint(
            "tenant_id", "manifest_id", "sha256", name=op.f("uq_persisted_operation_tenant_id_manifest_id_sha256")
        ),
    )
    op.create_index(
        "ix_persisted_operation_manifest",
        "persisted_operation",
        ["tenant_id", "manifest_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_persisted_operation_newest", "persisted_operation", ["tenant_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_persisted_operation_sha256", "persisted_operation", ["tenant_id", "sha256", "id"], unique=False)
    for table in ("operation_manifest", "persisted_operation"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_wall ON {table} TO souk_owner, souk_app, souk_worker, souk_auditor"
            " USING (tenant_id = (SELECT souk.current_tenant())) WITH CHECK (tenant_id = (SELECT souk.current_tenant()))"
        )
    op.execute("GRANT SELECT, INSERT, UPDATE ON operation_manifest TO souk_app, souk_worker")
    # a document is what its hash says for ever; only when it was last used is written again
    op.execute("GRANT SELECT, INSERT, UPDATE (last_used_at) ON persisted_operation TO souk_app, souk_worker")


def downgrade() -> None:
    op.drop_index("ix_persisted_operation_sha256", table_name="persisted_operation")
    op.drop_index("ix_persisted_operation_newest", table_name="persisted_operation")
    op.drop_index("ix_persisted_operation_manifest", table_name="persisted_operation")
    op.drop_table("persisted_operation")
    op.drop_index("ix_operation_manifest_newest", table_name="operation_manifest")
    op.drop_table("operation_manifest")

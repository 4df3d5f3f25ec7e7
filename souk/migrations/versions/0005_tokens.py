"""Service tokens: rotation, last use, a version.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # by default, not by UPDATE: behind the wall even the owner of the table sees no rows
    op.add_column("service_token", sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.text("now()")))
    op.alter_column("service_token", "updated_at", server_default=None)
    op.add_column("service_token", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("service_token", "version", server_default=None)
    op.add_column("service_token", sa.Column("rotates_id", sa.Uuid(), nullable=True))
    op.add_column("service_token", sa.Column("last_used_at", MOMENT, nullable=True))
    op.create_foreign_key(
        "fk_service_token_tenant_id_rotates_id",
        "service_token",
        "service_token",
        ["tenant_id", "rotates_id"],
        ["tenant_id", "id"],
    )
    op.create_check_constraint(op.f("ck_service_token_rotates_another"), "service_token", "rotates_id <> id")
    op.create_index("ix_service_token_updated", "service_token", ["tenant_id", "updated_at", "id"])
    op.create_index(
        "uq_service_token_successor",
        "service_token",
        ["tenant_id", "rotates_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_service_token_successor", table_name="service_token")
    op.drop_index("ix_service_token_updated", table_name="service_token")
    op.drop_constraint(op.f("ck_service_token_rotates_another"), "service_token", type_="check")
    op.drop_constraint("fk_service_token_tenant_id_rotates_id", "service_token", type_="foreignkey")
    for column in ("last_used_at", "rotates_id", "version", "updated_at"):
        op.drop_column("service_token", column)

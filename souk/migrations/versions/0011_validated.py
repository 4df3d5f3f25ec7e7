"""The constraint that 0005 left NOT VALID is validated.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE login_attempt VALIDATE CONSTRAINT ck_login_attempt_method_known")


def downgrade() -> None:
    """Nothing: 0005 puts another constraint in its place."""

"""Every list that takes a filter can be a file.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels = None
depends_on = None

FORMERLY = "ALERTS BATCHES DEALERS LEADS LISTINGS OFFERS TASKS TICKETS"
NOW = (
    "ACCESS_REFUSALS ALERTS AUDIT_EVENTS BATCHES CATEGORIES COMPETITORS DEAD_LETTERS DEALERS DEALS LEADS LISTINGS OFFERS"
    " OPERATION_MANIFESTS PERSISTED_OPERATIONS PRICE_POLICIES SERVICE_TOKENS SKUS TASKS TEAMS TICKETS USERS"
)


def known(lists: str) -> None:
    """The lists that an export may be of, for the rows that come."""
    words = ",".join(f"'{name}'" for name in lists.split())
    op.execute("ALTER TABLE export DROP CONSTRAINT ck_export_list_name_known")
    op.execute(f"ALTER TABLE export ADD CONSTRAINT ck_export_list_name_known CHECK (list_name IN ({words})) NOT VALID")


def upgrade() -> None:
    known(NOW)
    op.execute("ALTER TABLE export VALIDATE CONSTRAINT ck_export_list_name_known")


def downgrade() -> None:
    known(FORMERLY)  # not validated: files of the other lists stay until their days are over

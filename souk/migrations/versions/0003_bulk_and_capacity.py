"""The audit's head moves in one statement; statistics for bulk work; no listing carries more deals than its capacity.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

CATEGORY = ["tenant_id", "category_id", "created_at", "id"]

# SECURITY DEFINER because only the owner of a table may analyze it. Nothing is given and nothing comes back.
LOOK = """
CREATE FUNCTION souk.look_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  small name;
BEGIN
  FOR small IN
    SELECT oid::regclass FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND reltuples < 1000 AND relname IN ('batch_item', 'batch_item_attempt',
      'domain_event', 'event_stream', 'external_ref', 'listing', 'vehicle_detail', 'casting_detail', 'product_detail')
  LOOP
    EXECUTE format('ANALYZE (SKIP_LOCKED) public.%I', small);
  END LOOP;
END $$
"""

# The listing's row is locked first, so that of two deals at once the second sees the first.
CAPACITY = """
CREATE FUNCTION souk.deal_within_capacity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  room integer;
BEGIN
  SELECT capacity INTO room FROM listing WHERE tenant_id = NEW.tenant_id AND id = NEW.listing_id FOR NO KEY UPDATE;
  IF room IS NOT NULL AND room < (SELECT count(*) FROM deal WHERE tenant_id = NEW.tenant_id
      AND listing_id = NEW.listing_id AND status NOT IN ('CANCELLED', 'REFUNDED')) THEN
    RAISE EXCEPTION 'no place is left' USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_deal_within_capacity';
  END IF;
  RETURN NULL;
END $$
"""
GUARD = """
CREATE TRIGGER within_capacity AFTER INSERT ON deal FOR EACH ROW
  WHEN (NEW.status NOT IN ('CANCELLED', 'REFUNDED')) EXECUTE FUNCTION souk.deal_within_capacity()
"""


def upgrade() -> None:
    op.add_column("audit_head", sa.Column("prev_hash", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_listing_category", table_name="listing")
    where = sa.text("category_id IS NOT NULL")
    op.create_index("ix_listing_category", "listing", CATEGORY, postgresql_where=where)
    op.execute(LOOK)
    op.execute("REVOKE EXECUTE ON FUNCTION souk.look_again() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION souk.look_again() TO souk_worker")
    op.execute(CAPACITY)
    op.execute(GUARD)


def downgrade() -> None:
    op.execute("DROP TRIGGER within_capacity ON deal")
    op.execute("DROP FUNCTION souk.deal_within_capacity()")
    op.execute("DROP FUNCTION souk.look_again()")
    op.drop_index("ix_listing_category", table_name="listing")
    op.create_index("ix_listing_category", "listing", CATEGORY)
    op.drop_column("audit_head", "prev_hash")

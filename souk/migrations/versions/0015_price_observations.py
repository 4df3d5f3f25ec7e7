"""Prices as they were seen; exceptions that end before their time; files as evidence.

Revision ID: 0015
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0017"
branch_labels = None
depends_on = None

TENANT = ["tenant_id", "id"]
REFERS = {"sku": "sku_id", "dealer": "dealer_id", "competitor": "competitor_id", "listing": "listing_id"}

# An exception may be ended before its time, once; nothing else about it ever changes.
EXCEPTION_KEPT = """
CREATE FUNCTION souk.exception_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND to_jsonb(OLD) - 'ended_at' = to_jsonb(NEW) - 'ended_at' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND current_user = 'souk_owner' AND current_setting('souk.wiping', true) = OLD.tenant_id::text
     AND EXISTS (SELECT FROM tenant WHERE id = OLD.tenant_id AND demo) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'price_exception is append-only' USING ERRCODE = 'restrict_violation';
END $$
"""
LOOK = """
CREATE OR REPLACE FUNCTION souk.look_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE
  small name;
BEGIN
  FOR small IN
    SELECT oid::regclass FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND reltuples < 1000 AND relname IN ({tables})
  LOOP
    EXECUTE format('ANALYZE (SKIP_LOCKED) public.%I', small);
  END LOOP;
END $$
"""
FORMERLY = [
    "batch_item", "batch_item_attempt", "domain_event", "event_stream", "external_ref", "listing", "vehicle_detail",
    "casting_detail", "product_detail",
]  # fmt: skip
NOW = [
    *FORMERLY, "alert", "competitor_snapshot", "dealer", "evidence_sale_row", "evidence_snapshot", "price_observation",
    "price_policy", "price_policy_version", "sku",
]  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "price_observation",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("competitor_id", sa.Uuid(), nullable=True),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('FOUND','INSUFFICIENT','ACCESS_LIMITED','PARSE_FAILED')",
            name=op.f("ck_price_observation_outcome_known"),
        ),
        sa.CheckConstraint(
            "outcome <> 'FOUND' OR price_minor IS NOT NULL", name=op.f("ck_price_observation_found_has_price")
        ),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_price_observation_price_positive")),
        sa.CheckConstraint("units > 0", name=op.f("ck_price_observation_units_positive")),
        sa.CheckConstraint(
            "num_nonnulls(dealer_id, competitor_id) = 1", name=op.f("ck_price_observation_of_one_seller")
        ),
        sa.CheckConstraint(
            "(source IS NULL) = (external_ref IS NULL)", name=op.f("ck_price_observation_ref_of_source")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_price_observation_tenant_id_{column}"),
            )
            for table, column in REFERS.items()
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_observation")),
        sa.UniqueConstraint(
            "tenant_id", "source", "external_ref", name=op.f("uq_price_observation_tenant_id_source_external_ref")
        ),
    )  # fmt: skip
    op.create_index("ix_price_observation_sku", "price_observation", ["tenant_id", "sku_id", "captured_at", "id"])
    op.create_index("ix_price_observation_latest", "price_observation", ["tenant_id", "captured_at", "id"])
    op.execute("ALTER TABLE price_observation ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE price_observation FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant_wall ON price_observation TO souk_owner, souk_app, souk_worker, souk_auditor"
        " USING (tenant_id = (SELECT souk.current_tenant())) WITH CHECK (tenant_id = (SELECT souk.current_tenant()))"
    )
    op.execute("GRANT SELECT, INSERT ON price_observation TO souk_app, souk_worker")
    for trigger, on, each in (
        ("append_only", "UPDATE OR DELETE", "ROW"),
        ("never_truncated", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE {on} ON price_observation FOR EACH {each} EXECUTE FUNCTION souk.{trigger}()"
        )
        op.execute(f"ALTER TABLE price_observation ENABLE ALWAYS TRIGGER {trigger}")

    op.add_column("price_exception", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(EXCEPTION_KEPT)
    op.execute("DROP TRIGGER append_only ON price_exception")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON price_exception"
        " FOR EACH ROW EXECUTE FUNCTION souk.exception_kept()"
    )
    op.execute("ALTER TABLE price_exception ENABLE ALWAYS TRIGGER append_only")
    op.execute("GRANT UPDATE (ended_at) ON price_exception TO souk_app, souk_worker")

    op.add_column("evidence_snapshot", sa.Column("upload_id", sa.Uuid(), nullable=True))
    op.add_column("evidence_snapshot", sa.Column("upload_sha256", sa.LargeBinary(), nullable=True))
    op.create_foreign_key(
        op.f("fk_evidence_snapshot_tenant_id_upload_id"),
        "evidence_snapshot",
        "upload",
        ["tenant_id", "upload_id"],
        TENANT,
    )
    op.create_check_constraint(
        op.f("ck_evidence_snapshot_upload_with_hash"), "evidence_snapshot",
        "(upload_id IS NULL) = (upload_sha256 IS NULL)",
    )  # fmt: skip
    op.execute(LOOK.format(tables=", ".join(f"'{each}'" for each in NOW)))


def downgrade() -> None:
    op.execute(LOOK.format(tables=", ".join(f"'{each}'" for each in FORMERLY)))
    op.drop_constraint(op.f("ck_evidence_snapshot_upload_with_hash"), "evidence_snapshot")
    op.drop_constraint(op.f("fk_evidence_snapshot_tenant_id_upload_id"), "evidence_snapshot")
    op.drop_column("evidence_snapshot", "upload_sha256")
    op.drop_column("evidence_snapshot", "upload_id")
    op.execute("REVOKE UPDATE (ended_at) ON price_exception FROM souk_app, souk_worker")
    op.execute("DROP TRIGGER append_only ON price_exception")
    op.execute("DROP FUNCTION souk.exception_kept()")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON price_exception"
        " FOR EACH ROW EXECUTE FUNCTION souk.append_only()"
    )
    op.execute("ALTER TABLE price_exception ENABLE ALWAYS TRIGGER append_only")
    op.drop_column("price_exception", "ended_at")
    op.drop_table("price_observation")

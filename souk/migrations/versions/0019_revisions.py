"""How an alert stood at each time: a row for each change, written by the database, so that no way of changing forgets it.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels = None
depends_on = None

TABLE = "alert_revision"
STATUSES = "'OPEN','ACKNOWLEDGED','INVESTIGATING','ENFORCING','AWAITING_CURE','RESOLVED','DISMISSED','SNOOZED'"
KEPT = (
    "status, severity, score_tenths, cycle, policy_version_id, price_minor, policy_minor, currency, impact, impact_minor,"
    " cure_due_at, snoozed_until"
)
NEW = ", ".join(f"NEW.{name}" for name in KEPT.split(", "))
OLD = ", ".join(f"OLD.{name}" for name in KEPT.split(", "))
# The owner writes, so that whoever may change an alert cannot change what it was. The id follows from the place: the demo
# has the same ones each time.
REVISED = f"""
CREATE FUNCTION souk.alert_revised() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  place integer;
BEGIN
  IF TG_OP = 'UPDATE' AND ({NEW}) IS NOT DISTINCT FROM ({OLD}) THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(max(n), 0) + 1 INTO place FROM alert_revision WHERE tenant_id = NEW.tenant_id AND alert_id = NEW.id;
  INSERT INTO alert_revision (tenant_id, id, created_at, alert_id, n, {KEPT})
  VALUES (NEW.tenant_id, md5(NEW.id || '/' || place)::uuid, NEW.updated_at, NEW.id, place, {NEW});
  RETURN NULL;
END $$
"""
WALL = "(tenant_id = (SELECT souk.current_tenant()))"


def upgrade() -> None:
    op.create_index("ix_alert_cycle", "alert", ["tenant_id", "cycle", "first_seen_at", "id"])
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("score_tenths", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("policy_version_id", sa.Uuid(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("policy_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("impact_minor", sa.BigInteger(), nullable=False),
        sa.Column("cure_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_alert_revision_status_known")),
        sa.CheckConstraint(
            "severity IN ('LOW','MEDIUM','HIGH','CRITICAL')", name=op.f("ck_alert_revision_severity_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "alert_id"],
            ["alert.tenant_id", "alert.id"],
            name=op.f("fk_alert_revision_tenant_id_alert_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "policy_version_id"],
            ["price_policy_version.tenant_id", "price_policy_version.id"],
            name=op.f("fk_alert_revision_tenant_id_policy_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_alert_revision")),
        sa.UniqueConstraint("tenant_id", "alert_id", "n", name=op.f("uq_alert_revision_tenant_id_alert_id_n")),
    )
    # what stands now is the first that is known of it
    op.execute("ALTER TABLE alert NO FORCE ROW LEVEL SECURITY")
    op.execute(
        f"INSERT INTO {TABLE} (tenant_id, id, created_at, alert_id, n, {KEPT})"
        f" SELECT tenant_id, md5(id || '/1')::uuid, updated_at, id, 1, {KEPT} FROM alert"
    )
    op.execute("ALTER TABLE alert FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_wall ON {TABLE} TO souk_owner, souk_app, souk_worker, souk_auditor"
        f" USING {WALL} WITH CHECK {WALL}"
    )
    op.execute(f"GRANT SELECT ON {TABLE} TO souk_app, souk_worker")
    for name, when, each, function in (
        ("append_only", "UPDATE OR DELETE", "ROW", "souk.append_only()"),
        ("never_truncated", "TRUNCATE", "STATEMENT", "souk.never_truncated()"),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} ON {TABLE} FOR EACH {each} EXECUTE FUNCTION {function}")
        op.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {name}")
    op.execute(REVISED)
    op.execute("REVOKE EXECUTE ON FUNCTION souk.alert_revised() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER revised AFTER INSERT OR UPDATE ON alert FOR EACH ROW EXECUTE FUNCTION souk.alert_revised()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER revised ON alert")
    op.execute("DROP FUNCTION souk.alert_revised()")
    op.drop_table(TABLE)
    op.drop_index("ix_alert_cycle", table_name="alert")

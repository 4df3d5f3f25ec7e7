"""The revisions of alerts that one statement changes are written by one statement: an enforcement changes thousands.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels = None
depends_on = None

COLUMNS = (
    "status", "severity", "score_tenths", "cycle", "policy_version_id", "price_minor", "policy_minor", "currency",
    "impact", "impact_minor", "cure_due_at", "snoozed_until",
)  # fmt: skip
KEPT = ", ".join(COLUMNS)
NEW = ", ".join(f"n.{name}" for name in COLUMNS)
OLD = ", ".join(f"o.{name}" for name in COLUMNS)
# As 0019 has it for one row: the owner writes, and the id follows from the place. The rows in the order of their ids, each
# place looked up by its index: what was kept of an alert before is of no weight for the others.
FIRST = f"""
CREATE FUNCTION souk.alert_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO alert_revision (tenant_id, id, created_at, alert_id, n, {KEPT})
    SELECT n.tenant_id, md5(n.id || '/1')::uuid, n.updated_at, n.id, 1, {NEW} FROM new_rows n ORDER BY n.id;
  RETURN NULL;
END $$
"""
REVISED = f"""
CREATE OR REPLACE FUNCTION souk.alert_revised() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO alert_revision (tenant_id, id, created_at, alert_id, n, {KEPT})
    SELECT n.tenant_id, md5(n.id || '/' || p.place)::uuid, n.updated_at, n.id, p.place, {NEW}
    FROM new_rows n JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id
    CROSS JOIN LATERAL (
      SELECT coalesce(max(r.n), 0) + 1 AS place FROM alert_revision r
      WHERE r.tenant_id = n.tenant_id AND r.alert_id = n.id) p
    WHERE ({NEW}) IS DISTINCT FROM ({OLD}) ORDER BY n.id;
  RETURN NULL;
END $$
"""
NEW_ROW = ", ".join(f"NEW.{name}" for name in COLUMNS)
OLD_ROW = ", ".join(f"OLD.{name}" for name in COLUMNS)
BEFORE = f"""
CREATE OR REPLACE FUNCTION souk.alert_revised() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  place integer;
BEGIN
  IF TG_OP = 'UPDATE' AND ({NEW_ROW}) IS NOT DISTINCT FROM ({OLD_ROW}) THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(max(n), 0) + 1 INTO place FROM alert_revision WHERE tenant_id = NEW.tenant_id AND alert_id = NEW.id;
  INSERT INTO alert_revision (tenant_id, id, created_at, alert_id, n, {KEPT})
  VALUES (NEW.tenant_id, md5(NEW.id || '/' || place)::uuid, NEW.updated_at, NEW.id, place, {NEW_ROW});
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("DROP TRIGGER revised ON alert")
    op.execute(FIRST)
    op.execute("REVOKE EXECUTE ON FUNCTION souk.alert_first() FROM PUBLIC")
    op.execute(REVISED)
    op.execute(
        "CREATE TRIGGER revised_first AFTER INSERT ON alert REFERENCING NEW TABLE AS new_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION souk.alert_first()"
    )
    op.execute(
        "CREATE TRIGGER revised AFTER UPDATE ON alert REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION souk.alert_revised()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER revised_first ON alert")
    op.execute("DROP TRIGGER revised ON alert")
    op.execute(BEFORE)
    op.execute("DROP FUNCTION souk.alert_first()")
    op.execute(
        "CREATE TRIGGER revised AFTER INSERT OR UPDATE ON alert FOR EACH ROW EXECUTE FUNCTION souk.alert_revised()"
    )

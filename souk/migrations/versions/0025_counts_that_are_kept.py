"""Counts that are kept by the writes, as rows that add up.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels = None
depends_on = None

WALL = "(tenant_id = (SELECT souk.current_tenant()))"
GROUP = "tenant_id, subject, status, kind, severity, visibility, removed"
# the table, and for each column of a group what stands there
COUNTED = {
    "listing": "status, kind, NULL::text, visibility, deleted_at IS NOT NULL",
    "offer": "status, NULL::text, NULL::text, NULL::text, false",
    "lead": "status, NULL::text, NULL::text, NULL::text, false",
    "alert": "status, kind, severity, NULL::text, false",
    "ticket": "status, NULL::text, NULL::text, NULL::text, deleted_at IS NOT NULL",
    "task": "status, kind, NULL::text, NULL::text, false",
}


def of(table: str, rows: str, n: str) -> str:
    return f"SELECT tenant_id, '{table}', {COUNTED[table]}, {n} FROM {rows}"


def added(rows: str) -> str:
    """What a statement did to a table, one row for each group that has more or fewer now."""
    return f"""INSERT INTO kept_count ({GROUP}, folded, n)
      SELECT {GROUP}, false, sum(n) FROM ({rows}) AS changed ({GROUP}, n) GROUP BY {GROUP} HAVING sum(n) <> 0;"""


def keeping(table: str) -> list[str]:
    """The function behind a table's triggers, and the triggers. It writes what no role of the application may write."""
    name = f"souk.keep_count_of_{table}"
    made, gone = of(table, "made", "1"), of(table, "gone", "-1")
    function = f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  CASE TG_OP
    WHEN 'INSERT' THEN
      {added(made)}
    WHEN 'DELETE' THEN
      {added(gone)}
    WHEN 'UPDATE' THEN
      -- a row that stays in its group adds 1 and takes 1 away: there is nothing to compare row by row
      {added(f"{made} UNION ALL {gone}")}
    ELSE  -- TRUNCATE
      DELETE FROM kept_count WHERE subject = '{table}';
  END CASE;
  RETURN NULL;
END $$"""
    when = {
        "made": "INSERT ON {} REFERENCING NEW TABLE AS made",
        "gone": "DELETE ON {} REFERENCING OLD TABLE AS gone",
        "moved": "UPDATE ON {} REFERENCING OLD TABLE AS gone NEW TABLE AS made",
        "emptied": "TRUNCATE ON {}",
    }
    return [
        function,
        f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC",
        *(
            f"CREATE TRIGGER counted_{key} AFTER {on.format(table)} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            for key, on in when.items()
        ),
    ]


# Deletes what it saw and writes the sum of what it deleted, in one statement: what others add meanwhile stays, and what
# another one folds meanwhile is not folded twice. The lock only spares the second one the waiting.
FOLD = f"""
CREATE FUNCTION souk.fold_counts() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE gathered bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7035) THEN
    RETURN 0;
  END IF;
  WITH loose AS (SELECT DISTINCT tenant_id, subject, status FROM kept_count WHERE NOT folded),
  gone AS (
    DELETE FROM kept_count k USING loose l
    WHERE k.tenant_id = l.tenant_id AND k.subject = l.subject AND k.status = l.status RETURNING k.*
  ), whole AS (
    INSERT INTO kept_count ({GROUP}, folded, n)
      SELECT {GROUP}, true, sum(n) FROM gone GROUP BY {GROUP} HAVING sum(n) <> 0
  )
  SELECT count(*) INTO gathered FROM gone WHERE NOT folded;
  RETURN gathered;
END $$"""

AGAIN = f"""
CREATE FUNCTION souk.count_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
BEGIN
  LOCK TABLE {", ".join(COUNTED)} IN SHARE MODE;
  DELETE FROM kept_count WHERE tenant_id = souk.current_tenant();
  {added(" UNION ALL ".join(of(table, f"{table} WHERE {WALL}", "1") for table in COUNTED))}
END $$"""


def upgrade() -> None:
    op.create_table(
        "kept_count",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=True),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("folded", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "status", "seq", name=op.f("pk_kept_count")),
    )
    columns = ["tenant_id", "subject", "status"]
    op.create_index("ix_kept_count_loose", "kept_count", columns, postgresql_where=sa.text("NOT folded"))
    # few rows that come and go all day: a share of the table would let the dead outnumber them
    op.execute(
        "ALTER TABLE kept_count SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,"
        " autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000)"
    )
    op.execute("ALTER TABLE kept_count ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE kept_count FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_wall ON kept_count TO souk_app, souk_worker, souk_auditor USING {WALL} WITH CHECK {WALL}"
    )
    # the functions below run as the owner: they fold for all tenants at once, and follow rows that were deleted with a tenant
    op.execute("CREATE POLICY keeper ON kept_count TO souk_owner USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON kept_count TO souk_app, souk_worker")
    for table in COUNTED:
        for statement in keeping(table):
            op.execute(statement)
    op.execute(FOLD)
    op.execute("REVOKE EXECUTE ON FUNCTION souk.fold_counts() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION souk.fold_counts() TO souk_worker")
    op.execute(AGAIN)
    op.execute("REVOKE EXECUTE ON FUNCTION souk.count_again() FROM PUBLIC")
    # what is there; nobody writes meanwhile, since a trigger was made on each of the tables
    op.execute("ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        DO $$
        DECLARE one uuid;
        BEGIN
          FOR one IN SELECT id FROM tenant LOOP
            PERFORM set_config('souk.tenant_id', one::text, true);
            PERFORM souk.count_again();
          END LOOP;
          PERFORM set_config('souk.tenant_id', '', true);
        END $$""")
    op.execute("ALTER TABLE tenant FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in COUNTED:
        for key in ("made", "gone", "moved", "emptied"):
            op.execute(f"DROP TRIGGER counted_{key} ON {table}")
        op.execute(f"DROP FUNCTION souk.keep_count_of_{table}()")
    op.execute("DROP FUNCTION souk.fold_counts()")
    op.execute("DROP FUNCTION souk.count_again()")
    op.drop_table("kept_count")

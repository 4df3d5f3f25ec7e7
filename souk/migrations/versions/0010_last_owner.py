"""A tenant keeps an OWNER who can act, whoever writes.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels = None
depends_on = None

# At the commit, so that one may go and another come in one transaction. Those who take different owners away at once are
# asked one after the other: the second one's statements begin when the first has committed, and see it. In a transaction
# with one snapshot for all of its statements they would not, so that is refused.
KEEPS = """
CREATE FUNCTION souk.keep_an_owner() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'owners are changed in READ COMMITTED transactions' USING ERRCODE = 'feature_not_supported';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(OLD.tenant_id::text, 7034));
  IF TG_TABLE_NAME = 'app_user' AND NOT EXISTS (
    SELECT FROM membership m
    WHERE m.tenant_id = OLD.tenant_id AND m.user_id = OLD.id AND m.role = 'OWNER' AND m.ended_at IS NULL) THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (
    SELECT FROM membership m JOIN app_user u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
    WHERE m.tenant_id = OLD.tenant_id AND m.role = 'OWNER' AND m.ended_at IS NULL AND u.status = 'ACTIVE')
    AND EXISTS (SELECT FROM tenant t WHERE t.id = OLD.tenant_id) THEN  -- with a whole tenant its owners go, too
    RAISE EXCEPTION 'the last OWNER stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'last_owner';
  END IF;
  RETURN NULL;
END $$"""
HELD = "OLD.role = 'OWNER' AND OLD.ended_at IS NULL"
TRIGGERS = (
    (
        "membership",
        "last_owner",
        "UPDATE OF role, ended_at, user_id",
        f"{HELD} AND (NEW.role <> 'OWNER' OR NEW.ended_at IS NOT NULL OR NEW.user_id <> OLD.user_id)",
    ),
    ("membership", "last_owner_deleted", "DELETE", HELD),
    ("app_user", "last_owner", "UPDATE OF status", "OLD.status = 'ACTIVE' AND NEW.status <> 'ACTIVE'"),
)


def upgrade() -> None:
    op.execute("GRANT CREATE ON SCHEMA souk TO souk_door")
    op.execute(KEEPS)
    op.execute("ALTER FUNCTION souk.keep_an_owner() OWNER TO souk_door")
    op.execute("REVOKE CREATE ON SCHEMA souk FROM souk_door")
    for table, name, what, when in TRIGGERS:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {what} ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION souk.keep_an_owner()"
        )


def downgrade() -> None:
    for table, name, _, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("DROP FUNCTION souk.keep_an_owner()")

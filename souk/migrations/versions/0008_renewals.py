"""Sessions: the refresh token before, for an answer that got lost.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None

# The first use after a renewal is written down at once, and later than the renewal whatever the clocks say: from then on
# the client has the new tokens, and the one before is a copy.
SEEN = """
CREATE FUNCTION souk.session_seen(token_hash bytea) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE session SET seen_at = {seen}, idle_at = now() + make_interval(secs => idle_seconds)
  WHERE (tenant_id, id) IN (
    SELECT s.tenant_id, s.id FROM session s
    WHERE s.hash = token_hash AND s.revoked_at IS NULL AND (s.idle_at IS NULL OR s.idle_at > now())
      AND ({old})
    FOR UPDATE SKIP LOCKED) $$"""
BY_HASH = """
CREATE FUNCTION souk.session_by_hash(token_hash bytea) RETURNS TABLE (
    tenant_id uuid, session_id uuid, token_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid,
    all_teams boolean, team_ids uuid[], scopes text[], expires_at timestamptz, account_id uuid, mfa_at timestamptz,
    impersonator_id uuid, use_is_old boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.tenant_id, s.id, NULL::uuid, m.user_id, m.id, m.role, m.dealer_id, m.all_teams,
         ARRAY(SELECT mt.team_id FROM membership_team mt
               WHERE mt.tenant_id = m.tenant_id AND mt.membership_id = m.id ORDER BY mt.team_id),
         ARRAY[]::text[], least(s.expires_at, s.idle_at), s.account_id, s.mfa_at, s.impersonator_id,
         {old}
  FROM session s
  JOIN membership m ON m.tenant_id = s.tenant_id AND m.id = s.membership_id
  JOIN tenant t ON t.id = s.tenant_id
  WHERE s.hash = token_hash AND s.revoked_at IS NULL AND s.expires_at > now()
    AND (s.idle_at IS NULL OR s.idle_at > now()) AND m.ended_at IS NULL AND t.status = 'ACTIVE' $$"""
LATER = "greatest(now(), renewed_at + interval '1 microsecond')"
WAS_OLD = "s.seen_at IS NULL OR s.seen_at < now() - interval '1 minute'"
IS_OLD = f"{WAS_OLD} OR s.seen_at <= s.renewed_at"

SEEN_NAME, BY_HASH_NAME = "souk.session_seen(bytea)", "souk.session_by_hash(bytea)"


def upgrade() -> None:
    op.add_column("session", sa.Column("spent_hash", sa.LargeBinary(), nullable=True))
    op.add_column("session", sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_session_spent_when_renewed"), "session", "(spent_hash IS NULL) = (renewed_at IS NULL)"
    )
    seen(LATER, IS_OLD)


def seen(at: str, old: str) -> None:
    for name in (SEEN_NAME, BY_HASH_NAME):
        op.execute(f"DROP FUNCTION {name}")
    doors((SEEN_NAME, SEEN.format(seen=at, old=old)), (BY_HASH_NAME, BY_HASH.format(old=old)))


def doors(*functions: tuple[str, str]) -> None:
    op.execute("GRANT CREATE ON SCHEMA souk TO souk_door")
    for name, body in functions:
        op.execute(body)
        op.execute(f"ALTER FUNCTION {name} OWNER TO souk_door")
    op.execute("REVOKE CREATE ON SCHEMA souk FROM souk_door")


def downgrade() -> None:
    seen("now()", WAS_OLD)
    op.drop_constraint(op.f("ck_session_spent_when_renewed"), "session", type_="check")
    for column in ("renewed_at", "spent_hash"):
        op.drop_column("session", column)

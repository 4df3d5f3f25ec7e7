"""Sign-in: sessions that are renewed, codes and invitations, attempts, letters, and what the door tells of them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

CHANGED = ["sign_in_challenge", "letter"]
WRITTEN_ONCE = ["login_attempt"]
WALLED = [*CHANGED, *WRITTEN_ONCE]
SEEN_BY_DOOR = ["sign_in_challenge", "login_attempt", "app_user", "dealer"]
OLD_IMPERSONATION = "(carrier = 'IMPERSONATION') = (reason IS NOT NULL)"
IMPERSONATION = f"{OLD_IMPERSONATION} AND (carrier = 'IMPERSONATION') = (impersonator_id IS NOT NULL)"
NAME = "ck_session_impersonation_has_reason"

OLD_SESSION = """
CREATE FUNCTION souk.session_by_hash(token_hash bytea) RETURNS TABLE (
    tenant_id uuid, session_id uuid, token_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid,
    all_teams boolean, team_ids uuid[], scopes text[], expires_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.tenant_id, s.id, NULL::uuid, m.user_id, m.id, m.role, m.dealer_id, m.all_teams,
         ARRAY(SELECT mt.team_id FROM membership_team mt
               WHERE mt.tenant_id = m.tenant_id AND mt.membership_id = m.id ORDER BY mt.team_id),
         ARRAY[]::text[], s.expires_at
  FROM session s
  JOIN membership m ON m.tenant_id = s.tenant_id AND m.id = s.membership_id
  JOIN tenant t ON t.id = s.tenant_id
  WHERE s.hash = token_hash AND s.revoked_at IS NULL AND s.expires_at > now() AND m.ended_at IS NULL
    AND t.status = 'ACTIVE' $$
"""

# `use_is_old` asks for `session_seen`: a use is written down once a minute, not with every request.
SESSION = """
CREATE FUNCTION souk.session_by_hash(token_hash bytea) RETURNS TABLE (
    tenant_id uuid, session_id uuid, token_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid,
    all_teams boolean, team_ids uuid[], scopes text[], expires_at timestamptz, account_id uuid, mfa_at timestamptz,
    impersonator_id uuid, use_is_old boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.tenant_id, s.id, NULL::uuid, m.user_id, m.id, m.role, m.dealer_id, m.all_teams,
         ARRAY(SELECT mt.team_id FROM membership_team mt
               WHERE mt.tenant_id = m.tenant_id AND mt.membership_id = m.id ORDER BY mt.team_id),
         ARRAY[]::text[], least(s.expires_at, s.idle_at), s.account_id, s.mfa_at, s.impersonator_id,
         s.seen_at IS NULL OR s.seen_at < now() - interval '1 minute'
  FROM session s
  JOIN membership m ON m.tenant_id = s.tenant_id AND m.id = s.membership_id
  JOIN tenant t ON t.id = s.tenant_id
  WHERE s.hash = token_hash AND s.revoked_at IS NULL AND s.expires_at > now()
    AND (s.idle_at IS NULL OR s.idle_at > now()) AND m.ended_at IS NULL AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.session_seen(token_hash bytea) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE session SET seen_at = now(), idle_at = now() + make_interval(secs => idle_seconds)
  WHERE (tenant_id, id) IN (
    SELECT s.tenant_id, s.id FROM session s
    WHERE s.hash = token_hash AND s.revoked_at IS NULL AND (s.idle_at IS NULL OR s.idle_at > now())
      AND (s.seen_at IS NULL OR s.seen_at < now() - interval '1 minute')
    FOR UPDATE SKIP LOCKED) $$;

CREATE FUNCTION souk.session_by_family(family bytea) RETURNS TABLE (
    tenant_id uuid, session_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid, account_id uuid,
    mfa_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.tenant_id, s.id, m.user_id, m.id, m.role, m.dealer_id, s.account_id, s.mfa_at
  FROM session s
  JOIN membership m ON m.tenant_id = s.tenant_id AND m.id = s.membership_id
  JOIN tenant t ON t.id = s.tenant_id
  WHERE s.family_hash = family AND m.ended_at IS NULL AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.account_of(email text, phone text) RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT id FROM account WHERE email_key = email OR phone_key = phone LIMIT 1 $$;

CREATE FUNCTION souk.membership_of_account(account uuid, membership uuid) RETURNS TABLE (
    tenant_id uuid, user_id uuid, role text, dealer_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT m.tenant_id, m.user_id, m.role, m.dealer_id
  FROM membership m
  JOIN app_user u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
  JOIN tenant t ON t.id = m.tenant_id
  WHERE m.id = membership_of_account.membership AND u.account_id = account AND u.status = 'ACTIVE' AND m.ended_at IS NULL
    AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.memberships_of_account(account uuid, here uuid) RETURNS jsonb
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'membership_id', encode(convert_to('Membership:' || m.id::text, 'UTF8'), 'base64'), 'role', m.role,
           'tenant', t.name, 'tenant_slug', t.slug, 'dealer', d.name, 'current', m.id = here) ORDER BY t.name, m.created_at, m.id),
         '[]'::jsonb)
  FROM membership m
  JOIN app_user u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
  JOIN tenant t ON t.id = m.tenant_id
  LEFT JOIN dealer d ON d.tenant_id = m.tenant_id AND d.id = m.dealer_id
  WHERE u.account_id = account AND u.status = 'ACTIVE' AND m.ended_at IS NULL AND t.status = 'ACTIVE' $$;

-- What weighs on a sign-in key, in all tenants together: who guesses in one must not start afresh in the next. A success
-- wipes the slate; an address that signed in with this key before is weighed by what it did itself, so that somebody who
-- guesses elsewhere does not keep the person out. What a tenant cleared is cleared for what was done in that tenant.
CREATE FUNCTION souk.sign_in_pressure(tenant uuid, key bytea, address text, network text, since timestamptz, lately timestamptz)
  RETURNS TABLE (sent integer, sent_at timestamptz, failed integer, failed_at timestamptz, by_network integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH good AS (
    SELECT max(created_at) AS at, coalesce(bool_or(ip = address), false) AS known
    FROM login_attempt WHERE key_hash = key AND outcome = 'SUCCEEDED'
  ), cleared AS (
    SELECT max(created_at) AS at FROM login_attempt WHERE tenant_id = tenant AND key_hash = key AND outcome = 'UNLOCKED'
  ), sends AS (
    SELECT count(*)::int AS n, max(c.created_at) AS at FROM sign_in_challenge c, good, cleared
    WHERE c.key_hash = key AND c.purpose = 'CODE' AND c.created_at > since AND (good.at IS NULL OR c.created_at > good.at)
      AND (NOT good.known OR c.ip = network) AND (c.tenant_id <> tenant OR cleared.at IS NULL OR c.created_at > cleared.at)
  ), failures AS (
    SELECT count(*)::int AS n, max(a.created_at) AS at FROM login_attempt a, good, cleared
    WHERE a.key_hash = key AND a.outcome = 'WRONG' AND a.created_at > since AND (good.at IS NULL OR a.created_at > good.at)
      AND (NOT good.known OR a.ip = address) AND (a.tenant_id <> tenant OR cleared.at IS NULL OR a.created_at > cleared.at)
  ), asked AS (
    SELECT count(*)::int AS n FROM sign_in_challenge WHERE ip = network AND created_at > lately AND purpose = 'CODE'
  )
  SELECT sends.n, sends.at, failures.n, failures.at, asked.n FROM sends, failures, asked $$;
"""

FUNCTIONS = (
    "souk.session_by_hash(bytea)",
    "souk.session_seen(bytea)",
    "souk.session_by_family(bytea)",
    "souk.account_of(text, text)",
    "souk.membership_of_account(uuid, uuid)",
    "souk.memberships_of_account(uuid, uuid)",
    "souk.sign_in_pressure(uuid, bytea, text, text, timestamptz, timestamptz)",
)


def backfill() -> None:
    """Sessions that are there get their account, as the owner of all tenants' rows for these two statements."""
    tables = ("session", "membership", "app_user")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE session s SET ends_at = s.expires_at, account_id = u.account_id FROM membership m"
        " JOIN app_user u ON u.tenant_id = m.tenant_id AND u.id = m.user_id"
        " WHERE m.tenant_id = s.tenant_id AND m.id = s.membership_id"
    )
    op.execute(
        "UPDATE session SET revoked_at = coalesce(revoked_at, now()), ends_at = created_at, expires_at = created_at"
        " WHERE carrier = 'IMPERSONATION' AND ends_at - created_at > interval '30 minutes'"
    )
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for column in ("ends_at", "account_id"):
        op.alter_column("session", column, nullable=False)


def wall() -> None:
    for table in WALLED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_wall ON {table} TO souk_owner, souk_app, souk_worker, souk_auditor"
            " USING (tenant_id = (SELECT souk.current_tenant())) WITH CHECK (tenant_id = (SELECT souk.current_tenant()))"
        )
    for table in CHANGED:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO souk_app, souk_worker")
    for table in WRITTEN_ONCE:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO souk_app, souk_worker")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION souk.append_only()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def door() -> None:
    for table in SEEN_BY_DOOR:
        op.execute(f"CREATE POLICY door ON {table} FOR SELECT TO souk_door USING (true)")
    op.execute("GRANT SELECT (tenant_id, purpose, key_hash, ip, created_at) ON sign_in_challenge TO souk_door")
    op.execute("GRANT SELECT (tenant_id, key_hash, outcome, ip, created_at) ON login_attempt TO souk_door")
    op.execute("GRANT SELECT (tenant_id, id, account_id, status) ON app_user TO souk_door")
    op.execute("GRANT SELECT (tenant_id, id, name) ON dealer TO souk_door")
    op.execute("CREATE POLICY door_seen ON session FOR UPDATE TO souk_door USING (true)")
    op.execute("GRANT UPDATE (seen_at, idle_at) ON session TO souk_door")
    op.execute("DROP FUNCTION souk.session_by_hash(bytea)")
    functions(SESSION, FUNCTIONS)


def functions(text: str, names: tuple[str, ...]) -> None:
    for statement in text.split("$$;"):
        if "$$" in statement:
            op.execute(statement if statement.rstrip().endswith("$$") else statement + "$$")
    op.execute("GRANT CREATE ON SCHEMA souk TO souk_door")
    for name in names:
        op.execute(f"ALTER FUNCTION {name} OWNER TO souk_door")
    op.execute("REVOKE CREATE ON SCHEMA souk FROM souk_door")


def checks() -> None:
    op.drop_constraint(op.f(NAME), "session", type_="check")
    for name, text in (
        (NAME, IMPERSONATION),
        (
            "ck_session_impersonation_is_short",
            "carrier <> 'IMPERSONATION' OR ends_at - created_at <= interval '30 minutes'",
        ),
        ("ck_session_access_within_session", "expires_at <= ends_at"),
        ("ck_session_refresh_has_family", "(refresh_hash IS NULL) = (family_hash IS NULL)"),
    ):
        op.create_check_constraint(op.f(name), "session", text)


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("to_enc", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("channel IN ('EMAIL','SMS')", name=op.f("ck_letter_channel_known")),
        sa.CheckConstraint("status IN ('WAITING','SENT','KEPT','DEAD')", name=op.f("ck_letter_status_known")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_letter_attempts_positive")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_letter_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_letter")),
    )
    op.create_index("ix_letter_newest", "letter", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "login_attempt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "method IN ('CODE','INVITATION','PASSWORD','REFRESH')", name=op.f("ck_login_attempt_method_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('SUCCEEDED','WRONG','REFUSED','REUSED','UNLOCKED')",
            name=op.f("ck_login_attempt_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_login_attempt_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_login_attempt_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_login_attempt")),
    )
    op.create_index("ix_login_attempt_key", "login_attempt", ["key_hash", "created_at"], unique=False)
    op.create_index(
        "ix_login_attempt_user", "login_attempt", ["tenant_id", "user_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "sign_in_challenge",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_enc", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(purpose = 'INVITATION') = (user_id IS NOT NULL)", name=op.f("ck_sign_in_challenge_invitation_has_user")
        ),
        sa.CheckConstraint("channel IN ('EMAIL','SMS')", name=op.f("ck_sign_in_challenge_channel_known")),
        sa.CheckConstraint("purpose IN ('CODE','INVITATION')", name=op.f("ck_sign_in_challenge_purpose_known")),
        sa.CheckConstraint("attempts BETWEEN 0 AND 5", name=op.f("ck_sign_in_challenge_attempts_few")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_sign_in_challenge_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_sign_in_challenge_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sign_in_challenge")),
        sa.UniqueConstraint("tenant_id", "code_hash", name=op.f("uq_sign_in_challenge_tenant_id_code_hash")),
    )
    op.create_index("ix_sign_in_challenge_ip", "sign_in_challenge", ["ip", "created_at"], unique=False)
    op.create_index("ix_sign_in_challenge_key", "sign_in_challenge", ["key_hash", "created_at"], unique=False)
    op.create_index("ix_sign_in_challenge_user", "sign_in_challenge", ["tenant_id", "user_id"], unique=False)
    op.add_column("session", sa.Column("account_id", sa.Uuid(), nullable=True))
    op.add_column("session", sa.Column("refresh_hash", sa.LargeBinary(), nullable=True))
    op.add_column("session", sa.Column("family_hash", sa.LargeBinary(), nullable=True))
    op.add_column("session", sa.Column("ip", sa.Text(), nullable=True))
    op.add_column("session", sa.Column("agent", sa.Text(), nullable=True))
    op.add_column("session", sa.Column("mfa_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("idle_seconds", sa.Integer(), nullable=True))
    op.add_column("session", sa.Column("idle_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    backfill()
    op.create_index("ix_session_account", "session", ["tenant_id", "account_id", "created_at", "id"], unique=False)
    op.create_unique_constraint(op.f("uq_session_family_hash"), "session", ["family_hash"])
    op.create_unique_constraint(op.f("uq_session_refresh_hash"), "session", ["refresh_hash"])
    op.create_foreign_key(op.f("fk_session_account_id"), "session", "account", ["account_id"], ["id"])
    checks()
    wall()
    door()


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    functions(OLD_SESSION, FUNCTIONS[:1])
    op.execute("REVOKE UPDATE (seen_at, idle_at) ON session FROM souk_door")
    op.execute("DROP POLICY door_seen ON session")
    for table in ("app_user", "dealer"):
        op.execute(f"DROP POLICY door ON {table}")
    op.execute("REVOKE SELECT (tenant_id, id, account_id, status) ON app_user FROM souk_door")
    op.execute("REVOKE SELECT (tenant_id, id, name) ON dealer FROM souk_door")
    for name in ("impersonation_is_short", "access_within_session", "refresh_has_family", "impersonation_has_reason"):
        op.drop_constraint(op.f(f"ck_session_{name}"), "session", type_="check")
    op.create_check_constraint(op.f(NAME), "session", OLD_IMPERSONATION)
    op.drop_constraint(op.f("fk_session_account_id"), "session", type_="foreignkey")
    op.drop_constraint(op.f("uq_session_refresh_hash"), "session", type_="unique")
    op.drop_constraint(op.f("uq_session_family_hash"), "session", type_="unique")
    op.drop_index("ix_session_account", table_name="session")
    op.drop_column("session", "ends_at")
    op.drop_column("session", "idle_at")
    op.drop_column("session", "idle_seconds")
    op.drop_column("session", "seen_at")
    op.drop_column("session", "mfa_at")
    op.drop_column("session", "agent")
    op.drop_column("session", "ip")
    op.drop_column("session", "family_hash")
    op.drop_column("session", "refresh_hash")
    op.drop_column("session", "account_id")
    op.drop_index("ix_sign_in_challenge_user", table_name="sign_in_challenge")
    op.drop_index("ix_sign_in_challenge_key", table_name="sign_in_challenge")
    op.drop_index("ix_sign_in_challenge_ip", table_name="sign_in_challenge")
    op.drop_table("sign_in_challenge")
    op.drop_index("ix_login_attempt_user", table_name="login_attempt")
    op.drop_index("ix_login_attempt_key", table_name="login_attempt")
    op.drop_table("login_attempt")
    op.drop_index("ix_letter_newest", table_name="letter")
    op.drop_table("letter")

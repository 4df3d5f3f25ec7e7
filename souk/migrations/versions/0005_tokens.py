"""Service tokens: rotation, last use, a version. Accounts: passwords and authenticator apps, behind functions of the door.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BYTES, TEXTS = sa.ARRAY(sa.LargeBinary()), sa.ARRAY(sa.Text())
METHODS = "'CODE','INVITATION','PASSWORD','REFRESH'"

# Nobody reads accounts. What belongs to one account is asked and changed here, by whoever acts in a tenant that the account
# has a live person in; secrets come out sealed or hashed, and what is good once is used up in the statement that looks.
HERE = """id = account_id AND EXISTS (
    SELECT FROM app_user u WHERE u.account_id = account.id AND u.tenant_id = souk.current_tenant()
      AND u.status IN ('ACTIVE','INVITED'))"""
FUNCTIONS = {
    "account_secrets(uuid)": f"""
CREATE FUNCTION souk.account_secrets(account_id uuid) RETURNS TABLE (
    password_hash text, password_history text[], mfa_secret_enc bytea, mfa_pending_enc bytea, mfa_since timestamptz,
    recovery_left integer, email_key text, phone_key text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT password_hash, password_history, mfa_secret_enc, mfa_pending_enc, mfa_since, cardinality(recovery_hashes),
         email_key, phone_key
  FROM account WHERE {HERE} $$""",
    "account_mfa(uuid)": f"""
CREATE FUNCTION souk.account_mfa(account_id uuid) RETURNS jsonb
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT jsonb_build_object('enabled', mfa_since IS NOT NULL, 'recovery_codes_left', cardinality(recovery_hashes),
                            'password_set', password_hash IS NOT NULL)
  FROM account WHERE {HERE} $$""",
    "account_set_password(uuid, text)": f"""
CREATE FUNCTION souk.account_set_password(account_id uuid, hash text) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET password_hash = hash, password_history =
    (CASE WHEN password_hash IS NULL THEN password_history ELSE array_prepend(password_hash, password_history) END)[1:4]
  WHERE {HERE} RETURNING true $$""",
    "account_rehash(uuid, text, text)": f"""
CREATE FUNCTION souk.account_rehash(account_id uuid, was text, hash text) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET password_hash = hash WHERE password_hash = was AND {HERE} RETURNING true $$""",
    "account_enrol(uuid, bytea)": f"""
CREATE FUNCTION souk.account_enrol(account_id uuid, pending bytea) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET mfa_pending_enc = pending WHERE {HERE} RETURNING true $$""",
    "account_confirm(uuid, bytea, bytea, bigint, bytea[])": f"""
CREATE FUNCTION souk.account_confirm(account_id uuid, pending bytea, secret bytea, step bigint, recovery bytea[])
  RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET mfa_secret_enc = secret, mfa_pending_enc = NULL, mfa_since = now(), mfa_step = step,
    recovery_hashes = recovery
  WHERE mfa_pending_enc = pending AND {HERE} RETURNING true $$""",
    "account_forget_mfa(uuid)": f"""
CREATE FUNCTION souk.account_forget_mfa(account_id uuid) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET mfa_secret_enc = NULL, mfa_pending_enc = NULL, mfa_since = NULL, mfa_step = NULL,
    recovery_hashes = '{{}}'
  WHERE mfa_since IS NOT NULL AND {HERE} RETURNING true $$""",
    "account_use_step(uuid, bigint)": f"""
CREATE FUNCTION souk.account_use_step(account_id uuid, step bigint) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET mfa_step = step WHERE (mfa_step IS NULL OR mfa_step < step) AND {HERE} RETURNING true $$""",
    "account_use_recovery(uuid, bytea)": f"""
CREATE FUNCTION souk.account_use_recovery(account_id uuid, code bytea) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET recovery_hashes = array_remove(recovery_hashes, code)
  WHERE code = ANY (recovery_hashes) AND {HERE} RETURNING true $$""",
    "account_set_recovery(uuid, bytea[])": f"""
CREATE FUNCTION souk.account_set_recovery(account_id uuid, codes bytea[]) RETURNS boolean
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE account SET recovery_hashes = codes WHERE mfa_since IS NOT NULL AND {HERE} RETURNING true $$""",
}
COLUMNS = "password_hash, password_history, mfa_secret_enc, mfa_pending_enc, mfa_since, mfa_step, recovery_hashes"


def upgrade() -> None:
    # by default, not by UPDATE: behind the wall even the owner of the table sees no rows
    op.add_column("service_token", sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.text("now()")))
    op.alter_column("service_token", "updated_at", server_default=None)
    op.add_column("service_token", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("service_token", "version", server_default=None)
    op.add_column("service_token", sa.Column("rotates_id", sa.Uuid(), nullable=True))
    op.add_column("service_token", sa.Column("last_used_at", MOMENT, nullable=True))
    op.create_foreign_key(
        "fk_service_token_tenant_id_rotates_id",
        "service_token",
        "service_token",
        ["tenant_id", "rotates_id"],
        ["tenant_id", "id"],
    )
    op.create_check_constraint(op.f("ck_service_token_rotates_another"), "service_token", "rotates_id <> id")
    op.create_index("ix_service_token_updated", "service_token", ["tenant_id", "updated_at", "id"])
    op.create_index(
        "uq_service_token_successor",
        "service_token",
        ["tenant_id", "rotates_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    accounts()


def accounts() -> None:
    for column, type_, default in (
        ("password_hash", sa.Text(), None),
        ("password_history", TEXTS, "'{}'"),
        ("mfa_secret_enc", sa.LargeBinary(), None),
        ("mfa_pending_enc", sa.LargeBinary(), None),
        ("mfa_since", MOMENT, None),
        ("mfa_step", sa.BigInteger(), None),
        ("recovery_hashes", BYTES, "'{}'"),
    ):
        given = sa.text(default) if default else None
        op.add_column("account", sa.Column(column, type_, nullable=default is None, server_default=given))
    op.create_check_constraint(op.f("ck_account_history_short"), "account", "cardinality(password_history) <= 5")
    op.create_check_constraint(
        op.f("ck_account_mfa_since_known"), "account", "(mfa_secret_enc IS NULL) = (mfa_since IS NULL)"
    )
    op.add_column(
        "tenant_settings", sa.Column("password_sign_in", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    methods(f"{METHODS},'MFA'")
    op.execute(f"GRANT UPDATE ({COLUMNS}) ON account TO souk_door")
    op.execute("GRANT CREATE ON SCHEMA souk TO souk_door")
    for name, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"ALTER FUNCTION souk.{name} OWNER TO souk_door")
        op.execute(f"REVOKE EXECUTE ON FUNCTION souk.{name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION souk.{name} TO souk_app")
    op.execute("REVOKE CREATE ON SCHEMA souk FROM souk_door")


def methods(words: str) -> None:
    name = op.f("ck_login_attempt_method_known")
    op.drop_constraint(name, "login_attempt", type_="check")
    # what is there is left alone: on the way down there may be rows with the newer word
    op.execute(f"ALTER TABLE login_attempt ADD CONSTRAINT {name} CHECK (method IN ({words})) NOT VALID")


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION souk.{name}")
    op.execute(f"REVOKE UPDATE ({COLUMNS}) ON account FROM souk_door")
    methods(METHODS)
    op.drop_column("tenant_settings", "password_sign_in")
    for check in ("mfa_since_known", "history_short"):
        op.drop_constraint(op.f(f"ck_account_{check}"), "account", type_="check")
    for column in reversed(COLUMNS.split(", ")):
        op.drop_column("account", column)
    op.drop_index("uq_service_token_successor", table_name="service_token")
    op.drop_index("ix_service_token_updated", table_name="service_token")
    op.drop_constraint(op.f("ck_service_token_rotates_another"), "service_token", type_="check")
    op.drop_constraint("fk_service_token_tenant_id_rotates_id", "service_token", type_="foreignkey")
    for column in ("last_used_at", "rotates_id", "version", "updated_at"):
        op.drop_column("service_token", column)

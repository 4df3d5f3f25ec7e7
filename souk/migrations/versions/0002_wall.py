"""The wall: row security, grants, the door, append-only tables, search.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

CHANGED = [
    "app_user",
    "batch",
    "batch_item",
    "category",
    "competitor",
    "dealer",
    "event_stream",
    "external_ref",
    "lead",
    "lead_unlock",
    "listing",
    "listing_audience",
    "casting_detail",
    "product_detail",
    "vehicle_detail",
    "membership",
    "membership_team",
    "offer",
    "deal",
    "price_policy",
    "service_token",
    "session",
    "sku",
    "task",
    "team",
    "tenant_settings",
    "ticket",
    "ticket_cc",
    "alert",
    "audit_head",
    "idempotency_record",
    "search_document",
    "upload",
    "tenant_host",
]
WRITTEN_ONCE = [
    "access_refusal",
    "audit_event",
    "batch_event",
    "batch_item_attempt",
    "batch_log",
    "batch_preview",
    "batch_preview_item",
    "competitor_snapshot",
    "domain_event",
    "evidence_sale_row",
    "evidence_snapshot",
    "note",
    "offer_revision",
    "price_exception",
    "price_exception_dealer",
    "price_policy_version",
    "ticket_comment",
]
DOOR = ["session", "service_token", "membership", "membership_team", "tenant", "tenant_host"]

FUNCTIONS = """
CREATE FUNCTION souk.current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('souk.tenant_id', true), '')::uuid $$;

CREATE FUNCTION souk.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- only a demo tenant is ever wiped, only by the owner of the tables, and only when it says so
  IF TG_OP = 'DELETE' AND current_user = 'souk_owner' AND current_setting('souk.wiping', true) = OLD.tenant_id::text
     AND EXISTS (SELECT FROM tenant WHERE id = OLD.tenant_id AND demo) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

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
    AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.token_by_hash(token_hash bytea) RETURNS TABLE (
    tenant_id uuid, session_id uuid, token_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid,
    all_teams boolean, team_ids uuid[], scopes text[], expires_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT k.tenant_id, NULL::uuid, k.id, NULL::uuid, NULL::uuid, 'SERVICE', k.dealer_id, false, ARRAY[]::uuid[],
         k.scopes, k.expires_at
  FROM service_token k JOIN tenant t ON t.id = k.tenant_id
  WHERE k.hash = token_hash AND k.revoked_at IS NULL AND k.expires_at > now() AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.tenant_by_host(name text) RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT t.id FROM tenant_host h JOIN tenant t ON t.id = h.tenant_id WHERE h.host = lower(tenant_by_host.name) AND t.status = 'ACTIVE' $$;

CREATE FUNCTION souk.tenant_by_slug(name text) RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT id FROM tenant WHERE slug = tenant_by_slug.name AND status = 'ACTIVE' $$;

CREATE FUNCTION souk.account_for(new_id uuid, email text, phone text) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE found uuid;
BEGIN
  SELECT id INTO found FROM account WHERE email_key = email OR phone_key = phone
    ORDER BY (email_key = email) IS TRUE DESC LIMIT 1;
  IF found IS NULL THEN
    INSERT INTO account (id, email_key, phone_key, created_at) VALUES (new_id, email, phone, now())
      ON CONFLICT DO NOTHING RETURNING id INTO found;
    IF found IS NULL THEN
      SELECT id INTO found FROM account WHERE email_key = email OR phone_key = phone LIMIT 1;
    END IF;
  END IF;
  RETURN found;
END $$;

CREATE FUNCTION souk.find(query text, kinds text[], at_most integer) RETURNS TABLE (kind text, id uuid, rank real)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT d.kind, d.subject_id, max(ts_rank(d.words, websearch_to_tsquery('simple', query)))
  FROM search_document d
  WHERE d.tenant_id = souk.current_tenant() AND d.kind = ANY (kinds)
    AND d.words @@ (('''' || replace(souk.current_tenant()::text, '-', '') || '''')::tsquery && websearch_to_tsquery('simple', query))
  GROUP BY d.kind, d.subject_id ORDER BY 3 DESC, 2 LIMIT least(at_most, 500) $$;

CREATE FUNCTION souk.words(tenant uuid, body text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT to_tsvector('pg_catalog.simple', coalesce(body, '')) || array_to_tsvector(ARRAY[replace(tenant::text, '-', '')]) $$;

CREATE TYPE souk.keyrange AS RANGE (subtype = text, collation = "C");
CREATE FUNCTION souk.only(key text) RETURNS souk.keyrange LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT souk.keyrange(key, key, '[]') $$;
ALTER TABLE price_policy ADD CONSTRAINT ex_price_policy_window EXCLUDE USING gist (
  souk.only(tenant_id::text || '/' || sku_id::text || '/' || kind || '/' || currency) WITH =,
  tstzrange(valid_from, valid_to) WITH &&);
"""

# kind, table, id to show, text; a comment is found as its ticket, an internal one only by those who may read it
SEARCHED = (
    ("'LISTING'", "listing", "id", "title || ' ' || coalesce(city, '')"),
    ("'DEALER'", "dealer", "id", "name || ' ' || coalesce(city, '')"),
    ("'SKU'", "sku", "id", "code || ' ' || name || ' ' || coalesce(brand, '')"),
    ("'COMPETITOR'", "competitor", "id", "name || ' ' || domain"),
    ("'TICKET'", "ticket", "id", "subject || ' ' || body_markdown"),
    (
        "CASE visibility WHEN 'PUBLIC' THEN 'TICKET' ELSE 'TICKET_INTERNAL' END",
        "ticket_comment",
        "ticket_id",
        "body_markdown",
    ),
    ("'USER'", "app_user", "id", "name"),
)


def searched(kind: str, table: str, subject: str, body: str) -> str:
    changed = (
        ""
        if table == "ticket_comment"
        else f"""
CREATE TRIGGER searched_again AFTER UPDATE ON {table} REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION souk.search_{table}();"""
    )
    return f"""
CREATE FUNCTION souk.search_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_document (tenant_id, kind, id, subject_id, words)
    SELECT tenant_id, {kind}, id, {subject}, souk.words(tenant_id, {body}) FROM new_rows
    ON CONFLICT (tenant_id, kind, id) DO UPDATE SET words = excluded.words
      WHERE search_document.words IS DISTINCT FROM excluded.words;
  RETURN NULL;
END $$;
CREATE TRIGGER searched AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION souk.search_{table}();{changed}
"""


def statements() -> str:
    parts = [FUNCTIONS, *(searched(*row) for row in SEARCHED)]
    for table in (*CHANGED, *WRITTEN_ONCE, "tenant"):
        key = "id" if table == "tenant" else "tenant_id"
        parts.append(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;")
        parts.append(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;")
        parts.append(
            f"CREATE POLICY tenant_wall ON {table} TO souk_owner, souk_app, souk_worker, souk_auditor"
            f" USING ({key} = (SELECT souk.current_tenant())) WITH CHECK ({key} = (SELECT souk.current_tenant()));"
        )
    for table in CHANGED:
        parts.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO souk_app, souk_worker;")
    for table in WRITTEN_ONCE:
        parts.append(f"GRANT SELECT, INSERT ON {table} TO souk_app, souk_worker;")
        parts.append(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION souk.append_only();"
        )
        parts.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;")
    for table in DOOR:
        parts.append(f"CREATE POLICY door ON {table} FOR SELECT TO souk_door USING (true);")
        parts.append(f"GRANT SELECT ON {table} TO souk_door;")
    parts.append("""
GRANT SELECT ON tenant TO souk_app, souk_worker;
GRANT SELECT, INSERT ON account TO souk_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON souk.work TO souk_app, souk_worker;
GRANT SELECT ON audit_event, audit_head, tenant TO souk_auditor;
CREATE POLICY finder ON search_document FOR SELECT TO souk_finder USING (true);
GRANT SELECT ON search_document TO souk_finder;
GRANT SELECT ON alembic_version TO souk_app, souk_worker;
GRANT USAGE ON SCHEMA souk TO souk_app, souk_worker, souk_auditor, souk_door, souk_finder;
GRANT USAGE ON SCHEMA public TO souk_app, souk_worker, souk_auditor, souk_door, souk_finder;
GRANT CREATE ON SCHEMA souk TO souk_door, souk_finder;
ALTER FUNCTION souk.session_by_hash(bytea) OWNER TO souk_door;
ALTER FUNCTION souk.token_by_hash(bytea) OWNER TO souk_door;
ALTER FUNCTION souk.tenant_by_host(text) OWNER TO souk_door;
ALTER FUNCTION souk.tenant_by_slug(text) OWNER TO souk_door;
ALTER FUNCTION souk.account_for(uuid, text, text) OWNER TO souk_door;
ALTER FUNCTION souk.find(text, text[], integer) OWNER TO souk_finder;
REVOKE CREATE ON SCHEMA souk FROM souk_door, souk_finder;
""")
    return "\n".join(parts)


def upgrade() -> None:
    for statement in split(statements()):
        op.execute(statement)


def downgrade() -> None:
    for table in (*CHANGED, *WRITTEN_ONCE, "tenant"):
        op.execute(f"DROP POLICY tenant_wall ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table in WRITTEN_ONCE:
        op.execute(f"DROP TRIGGER append_only ON {table}")
    for table in DOOR:
        op.execute(f"DROP POLICY door ON {table}")
    op.execute("DROP POLICY finder ON search_document")
    for _, table, _, _ in SEARCHED:
        op.execute(f"DROP TRIGGER searched ON {table}")
        if table != "ticket_comment":
            op.execute(f"DROP TRIGGER searched_again ON {table}")
        op.execute(f"DROP FUNCTION souk.search_{table}()")
    op.execute("ALTER TABLE price_policy DROP CONSTRAINT ex_price_policy_window")
    for function in (
        "souk.only(text)",
        "souk.words(uuid, text)",
        "souk.find(text, text[], integer)",
        "souk.account_for(uuid, text, text)",
        "souk.tenant_by_slug(text)",
        "souk.tenant_by_host(text)",
        "souk.token_by_hash(bytea)",
        "souk.session_by_hash(bytea)",
        "souk.append_only()",
        "souk.current_tenant()",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TYPE souk.keyrange")


def split(script: str) -> list[str]:
    """Single statements: asyncpg prepares one at a time. Bodies between `$$` stay whole."""
    found, current, inside = [], "", False
    for line in script.splitlines():
        current += line + "\n"
        inside ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not inside:
            found.append(current)
            current = ""
    return [s for s in found if s.strip()]

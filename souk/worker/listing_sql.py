"""The statements of `worker.listings`: a chunk by one each, whatever its length; the rows travel as one JSON value."""

from sqlalchemy import text

LATER = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
KNOWN = text("""
SELECT external_id, subject_id, content_hash FROM external_ref
WHERE tenant_id = :tenant AND source = :source AND type = 'LISTING' AND external_id = ANY (CAST(:keys AS text[]))
""")
LOCK = text("""
SELECT id FROM listing WHERE tenant_id = :tenant AND id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
""")

COLUMNS = """id uuid, ref_id uuid, key text, digest text, status text, dealer_id uuid, title text, description text,
  price_minor bigint, price_order bigint, city text, city_key text, sku_id uuid, capacity integer, make text,
  make_key text, model text, year integer, km integer, fuel text, owners integer, power_bhp_tenths integer,
  mileage_kmpl_tenths integer, number_enc text, number_hash text, registered boolean, availability text,
  source_id text, external_id text"""
ROWS = f"WITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({COLUMNS}))"

VEHICLE = """make, make_key, model, year, km, fuel, owners, power_bhp_tenths, mileage_kmpl_tenths"""
DETAILS = {
    "VEHICLE": f"""INSERT INTO vehicle_detail (tenant_id, id, created_at, {VEHICLE}, registration_number_enc,
        registration_hash)
      SELECT :tenant, id, :now, {VEHICLE}, decode(number_enc, 'hex'), decode(number_hash, 'hex') FROM r""",
    "CASTING_CALL": """INSERT INTO casting_detail (tenant_id, id, created_at, role, currency, minors_allowed)
      SELECT :tenant, id, :now, title, :currency, false FROM r""",
    "PRODUCT": """INSERT INTO product_detail (tenant_id, id, created_at, availability, source_id, external_id)
      SELECT :tenant, id, :now, coalesce(availability, 'IN_STOCK'), source_id, external_id FROM r""",
}
CREATE = {
    kind: text(f"""{ROWS}, listed AS (
  INSERT INTO listing (tenant_id, id, created_at, updated_at, version, dealer_id, kind, status, title, description,
      price_minor, price_order, currency, negotiable, capacity, max_unlocks, visibility, city, city_key, expires_at,
      sku_id, published_at)
    SELECT :tenant, id, :now, :now, 1, dealer_id, :kind, status, title, description, price_minor, price_order, :currency,
      true, CASE WHEN :kind = 'VEHICLE' THEN 1 ELSE capacity END, 3, 'PUBLIC', city, city_key,
      CASE status WHEN 'ACTIVE' THEN CAST(:ends AS timestamptz) END, sku_id,
      CASE status WHEN 'ACTIVE' THEN CAST(:now AS timestamptz) END
    FROM r), detailed AS (
  {detail}), named AS (
  INSERT INTO external_ref (tenant_id, id, created_at, source, type, external_id, subject_id, content_hash)
    SELECT :tenant, ref_id, :now, :source, 'LISTING', key, id, decode(digest, 'hex') FROM r)
INSERT INTO souk.work (tenant_id, kind, ref, due_at) SELECT :tenant, :expiry, id, :ends FROM r WHERE status = 'ACTIVE'
""")
    for kind, detail in DETAILS.items()
}

DETAIL = {
    "VEHICLE": "make, model, year, km, fuel, owners, power_bhp_tenths, mileage_kmpl_tenths",
    "CASTING_CALL": "role",
    "PRODUCT": "availability, source_id, external_id",
}
TABLE = {"VEHICLE": "vehicle_detail", "CASTING_CALL": "casting_detail", "PRODUCT": "product_detail"}
FOUND = {
    kind: text(f"""
SELECT l.id, l.status, l.title, l.description, l.price_minor, l.city, l.sku_id, {DETAIL[kind]}
FROM listing l JOIN {table} d ON d.tenant_id = l.tenant_id AND d.id = l.id
WHERE l.tenant_id = :tenant AND l.id = ANY (CAST(:ids AS uuid[])) AND l.deleted_at IS NULL
""")
    for kind, table in TABLE.items()
}

CHANGES = {
    "VEHICLE": """UPDATE vehicle_detail d SET make = r.make, make_key = r.make_key, model = r.model, year = r.year,
      km = r.km, fuel = r.fuel, owners = r.owners, power_bhp_tenths = r.power_bhp_tenths,
      mileage_kmpl_tenths = r.mileage_kmpl_tenths,
      registration_number_enc = CASE WHEN r.registered THEN decode(r.number_enc, 'hex') ELSE registration_number_enc END,
      registration_hash = CASE WHEN r.registered THEN decode(r.number_hash, 'hex') ELSE registration_hash END""",
    "CASTING_CALL": "UPDATE casting_detail d SET role = r.title",
    "PRODUCT": """UPDATE product_detail d SET availability = coalesce(r.availability, d.availability),
      source_id = r.source_id, external_id = r.external_id""",
}
CHANGE = {
    kind: text(f"""{ROWS}, listed AS (
  UPDATE listing l SET title = r.title, description = r.description, price_minor = r.price_minor,
      price_order = r.price_order, city = r.city, city_key = r.city_key, sku_id = r.sku_id, status = r.status,
      updated_at = :now, version = l.version + 1
    FROM r WHERE l.tenant_id = :tenant AND l.id = r.id), detailed AS (
  {change} FROM r WHERE d.tenant_id = :tenant AND d.id = r.id)
UPDATE external_ref e SET content_hash = decode(r.digest, 'hex')
  FROM r WHERE e.tenant_id = :tenant AND e.type = 'LISTING' AND e.external_id = r.key AND e.subject_id = r.id
""")
    for kind, change in CHANGES.items()
}

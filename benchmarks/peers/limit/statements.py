"""The three documents as statements that somebody wrote by hand: one round trip, PostgreSQL writes the whole answer.

$1 is the tenant, $2 the listing. The policies are on; the tenant is named for the index.
"""

TENANT = "WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::uuid::text, true))"


def key(type_name: str, column: str) -> str:
    return f"encode(convert_to(concat('{type_name}:', {column}), 'UTF8'), 'base64')"


def moment(column: str) -> str:
    return f"left(to_json({column})::text, -7), 'Z\"'"


def amount(minor: str) -> str:
    return f"'{{\"amount\":\"', {minor} * 0.01, '\"}}'"


POINT = f"""{TENANT}
SELECT concat('{{"data":{{"listing":', coalesce((
  SELECT concat('{{"id":"', {key("Listing", "l.id")}, '","title":', to_json(l.title),
    ',"price":', CASE WHEN l.price_minor IS NULL THEN 'null' ELSE concat('{{"amount":"', l.price_minor * 0.01, '","currencyCode":"', l.currency, '"}}') END,
    ',"status":"', l.status, '","city":', coalesce(to_json(l.city)::text, 'null'), ',"createdAt":', {moment("l.created_at")},
    ',"dealer":{{"id":"', {key("Dealer", "d.id")}, '","name":', to_json(d.name), ',"city":', coalesce(to_json(d.city)::text, 'null'), '}}',
    ',"offers":{{"edges":[', (
      SELECT string_agg(o.edge, ',') FROM (
        SELECT concat('{{"node":{{"id":"', {key("Offer", "o.id")}, '","amount":', {amount("o.amount_minor")},
          ',"status":"', o.status, '","createdAt":', {moment("o.created_at")}, ',"proposerUser":',
          CASE WHEN u.id IS NULL THEN 'null' ELSE concat('{{"name":', to_json(u.name), '}}') END, '}}}}') AS edge
        FROM offer o LEFT JOIN app_user u ON u.tenant_id = o.tenant_id AND u.id = o.proposer_user_id
        WHERE o.tenant_id = $1::uuid AND o.listing_id = l.id ORDER BY o.created_at DESC, o.id DESC LIMIT 3) o), ']}}}}')
  FROM listing l JOIN dealer d ON d.tenant_id = l.tenant_id AND d.id = l.dealer_id
  WHERE l.tenant_id = $1::uuid AND l.id = $2::uuid AND l.deleted_at IS NULL), 'null'), '}}}}') FROM s
"""

# The first 51 in their order; the last one only tells that there is another page.
_PAGE = f"""{TENANT}
SELECT concat('{{"data":{{"listings":{{"edges":[', (
  WITH p AS MATERIALIZED (
    SELECT l.*, row_number() OVER (ORDER BY l.created_at DESC, l.id DESC) AS place FROM (
      SELECT id, title, price_minor, currency, status, city, created_at, dealer_id FROM listing
      WHERE tenant_id = $1::uuid AND status = 'ACTIVE' AND deleted_at IS NULL{{beyond}}
      ORDER BY created_at DESC, id DESC LIMIT 51) l)
  SELECT concat(string_agg(concat('{{"cursor":"', e.cursor, '","node":{{"id":"', {key("Listing", "e.id")}, '","title":', to_json(e.title),
      ',"price":', CASE WHEN e.price_minor IS NULL THEN 'null' ELSE concat('{{"amount":"', e.price_minor * 0.01, '","currencyCode":"', e.currency, '"}}') END,
      ',"status":"', e.status, '","city":', coalesce(to_json(e.city)::text, 'null'), ',"createdAt":', {moment("e.created_at")},
      ',"dealer":{{"name":', to_json(e.dealer_name), ',"city":', coalesce(to_json(e.dealer_city)::text, 'null'), '}},"offers":{{"edges":[',
      e.offers, ']}}}}}}'), ',' ORDER BY e.place), '],"pageInfo":{{"hasNextPage":', (SELECT count(*) > 50 FROM p)::text,
      ',"endCursor":"', max(e.cursor) FILTER (WHERE e.place = least(50, (SELECT count(*) FROM p))), '"}}}}')
  FROM (SELECT p.*, d.name AS dealer_name, d.city AS dealer_city,
          encode('\\x{{tag}}'::bytea || timestamptz_send(p.created_at) || uuid_send(p.id), 'base64') AS cursor, (
          SELECT string_agg(o.edge, ',') FROM (
            SELECT concat('{{"node":{{"id":"', {key("Offer", "o.id")}, '","amount":', {amount("o.amount_minor")},
              ',"status":"', o.status, '","proposerUser":',
              CASE WHEN u.id IS NULL THEN 'null' ELSE concat('{{"name":', to_json(u.name), '}}') END, '}}}}') AS edge
            FROM offer o LEFT JOIN app_user u ON u.tenant_id = o.tenant_id AND u.id = o.proposer_user_id
            WHERE o.tenant_id = $1::uuid AND o.listing_id = p.id ORDER BY o.created_at DESC, o.id DESC LIMIT 5) o) AS offers
        FROM p JOIN dealer d ON d.tenant_id = $1::uuid AND d.id = p.dealer_id WHERE p.place <= 50) e), '}}}}') FROM s
"""


def page(tag: str, *, after: bool) -> str:
    """With `after`, $2 and $3 are the moment and the id of the row before. `tag` is what its cursors begin with."""
    beyond = " AND (created_at, id) < ($2::timestamptz, $3::uuid)" if after else ""
    return _PAGE.replace("{tag}", tag).replace("{beyond}", beyond)


DASHBOARD = f"""{TENANT}
SELECT concat(
  '{{"data":{{"paused":{{"totalCount":', (SELECT count(*) FROM listing WHERE tenant_id = $1::uuid AND status = 'PAUSED' AND deleted_at IS NULL),
  '}},"open":{{"totalCount":', (SELECT count(*) FROM offer WHERE tenant_id = $1::uuid AND status = 'PENDING'),
  '}},"fresh":{{"totalCount":', (SELECT count(*) FROM lead WHERE tenant_id = $1::uuid AND status = 'NEW'),
  '}},"dearest":{{"edges":[', (
    SELECT string_agg(e.edge, ',') FROM (
      SELECT concat('{{"node":{{"id":"', {key("Listing", "l.id")}, '","title":', to_json(l.title),
        ',"price":', CASE WHEN l.price_minor IS NULL THEN 'null' ELSE concat({amount("l.price_minor")}) END,
        ',"dealer":{{"name":', to_json(d.name), '}}}}}}') AS edge
      FROM listing l JOIN dealer d ON d.tenant_id = l.tenant_id AND d.id = l.dealer_id
      WHERE l.tenant_id = $1::uuid AND l.status = 'ACTIVE' AND l.deleted_at IS NULL
      ORDER BY l.price_order DESC, l.id DESC LIMIT 10) e),
  ']}},"latest":{{"edges":[', (
    SELECT string_agg(e.edge, ',') FROM (
      SELECT concat('{{"node":{{"id":"', {key("Offer", "o.id")}, '","amount":', {amount("o.amount_minor")},
        ',"status":"', o.status, '","createdAt":', {moment("o.created_at")}, ',"proposerUser":',
        CASE WHEN u.id IS NULL THEN 'null' ELSE concat('{{"name":', to_json(u.name), '}}') END,
        ',"listing":{{"id":"', {key("Listing", "l.id")}, '","title":', to_json(l.title), '}}}}}}') AS edge
      FROM offer o JOIN listing l ON l.tenant_id = o.tenant_id AND l.id = o.listing_id
      LEFT JOIN app_user u ON u.tenant_id = o.tenant_id AND u.id = o.proposer_user_id
      WHERE o.tenant_id = $1::uuid ORDER BY o.created_at DESC, o.id DESC LIMIT 10) e),
  ']}},"asked":{{"edges":[', (
    SELECT string_agg(e.edge, ',') FROM (
      SELECT concat('{{"node":{{"id":"', {key("Lead", "a.id")}, '","status":"', a.status, '","source":"', a.source,
        '","createdAt":', {moment("a.created_at")},
        ',"listing":{{"id":"', {key("Listing", "l.id")}, '","title":', to_json(l.title), '}}}}}}') AS edge
      FROM lead a JOIN listing l ON l.tenant_id = a.tenant_id AND l.id = a.listing_id
      WHERE a.tenant_id = $1::uuid ORDER BY a.created_at DESC, a.id DESC LIMIT 10) e),
  ']}}}}}}') FROM s
"""

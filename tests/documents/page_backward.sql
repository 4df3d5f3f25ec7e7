-- query
-- $1 = the asker: tenant_id
-- $2 = 2026-11-22T08:04:00+00:00
-- $3 = d0c50000-0000-7000-8000-000100000004
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listings":{"nodes":[',
    (
      WITH t1_page AS MATERIALIZED (
        SELECT t1.*,
        row_number() OVER (ORDER BY t1.created_at DESC, t1.id DESC) AS page_at
        FROM (
          SELECT listing.created_at AS created_at,
          listing.id AS id,
          listing.title AS title
          FROM listing
          WHERE listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          AND listing.tenant_id = $1::UUID
          AND (listing.created_at, listing.id) < ($2::TIMESTAMP WITH TIME ZONE, $3::UUID)
          ORDER BY listing.created_at DESC,
          listing.id DESC
          LIMIT 1 + 1
        ) t1
      )
      SELECT concat(
        string_agg(
          concat(
            '{"id":"TGlzdGlu',
            encode(textsend('g:' || t1.id::text), 'base64'),
            '","title":',
            to_json(t1.title),
            ',"createdAt":',
            left(to_json(t1.created_at)::text, -7),
            'Z"}'
          ),
          ','
          ORDER BY t1.created_at ASC,
          t1.id ASC
        ),
        '],"pageInfo":{"hasNextPage":true,"hasPreviousPage":',
        CASE WHEN (SELECT count(*) FROM t1_page) > 1 THEN 'true' ELSE 'false' END,
        ',"startCursor":',
        coalesce(
          (
            SELECT concat(
              '"',
              encode('\x0a27e2'::bytea || timestamptz_send(t1_page.created_at) || uuid_send(t1_page.id), 'base64'),
              '"'
            )
            FROM t1_page
            WHERE page_at = least(1, (SELECT count(*) FROM t1_page))
          ),
          'null'
        )
      ) AS answer
      FROM t1_page t1
      WHERE t1.page_at <= 1
    ),
    '}}}}'
  )
)
FROM s

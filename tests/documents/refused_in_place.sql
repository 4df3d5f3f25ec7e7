-- query
-- $1 = the asker: tenant_id
-- $2 = None
-- \x020\x02 = FORBIDDEN: Listing.floor: listing:readPrivate
-- \x021\x02 = FORBIDDEN: Dealer.phone: dealer:read
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listings":{"nodes":[',
    (
      SELECT string_agg(
        concat(
          '{"title":',
          to_json(t1.title),
          ',"lowest":',
          E'\x020\x02',
          ',"dealer":',
          CASE
            WHEN t2.id IS NULL THEN 'null'
            ELSE concat(
              '{"name":',
              to_json(t2.name),
              ',"phone":',
              CASE WHEN t2._x2 THEN (coalesce(to_json(t2.phone), 'null'::json))::text ELSE E'\x021\x02' END,
              '}'
            )
          END,
          '}'
        ),
        ','
        ORDER BY t1.created_at DESC,
        t1.id DESC
      ) AS answer
      FROM (
        SELECT listing.created_at AS created_at,
        listing.id AS id,
        listing.title AS title,
        listing.dealer_id AS dealer_id
        FROM listing
        WHERE (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.tenant_id = $1::UUID
        ORDER BY listing.created_at DESC,
        listing.id DESC
        LIMIT 2
      ) t1
      LEFT JOIN LATERAL (
        SELECT dealer.id AS id,
        dealer.name AS name,
        dealer.id = $2::UUID AS _x2,
        dealer.phone AS phone
        FROM dealer
        WHERE dealer.id = t1.dealer_id
        AND dealer.deleted_at IS NULL
        AND dealer.tenant_id = $1::UUID
      ) t2 ON true
    ),
    ']}}}'
  )
)
FROM s

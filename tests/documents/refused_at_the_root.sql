-- query
-- $1 = the asker: tenant_id
-- $2 = the asker: user_id
-- $3 = the asker: membership_id
-- \x020\x02 = FORBIDDEN: alerts: alert:read
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"alerts":',
    E'\x020\x02',
    ',"listing":',
    coalesce(
      (
        SELECT concat('{"title":', to_json(t1.title), '}')
        FROM (
          SELECT listing.id AS id,
          listing.title AS title
          FROM listing
          WHERE listing.id IS NULL
          AND listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND (
            listing.visibility = 'PUBLIC'::VARCHAR
            OR (
              EXISTS (
                SELECT *
                FROM listing_audience AS listing_audience_1
                WHERE listing_audience_1.tenant_id = listing.tenant_id
                AND listing_audience_1.listing_id = listing.id
                AND listing_audience_1.user_id = $2::UUID
              )
            )
          )
          AND listing.tenant_id = $1::UUID
        ) t1
      ),
      'null'
    ),
    ',"viewer":',
    coalesce(
      (
        SELECT concat('{"role":"', t2.role, '"}', CASE WHEN t2.role IS NULL THEN E'\x01' END)
        FROM (
          SELECT 'CUSTOMER'::VARCHAR AS role
          FROM membership
          WHERE membership.id = $3::UUID
          AND membership.tenant_id = $1::UUID
        ) t2
      ),
      'null'
    ),
    '}}'
  )
)
FROM s

-- query
-- $1 = the asker: tenant_id
-- $2 = 5
-- $3 = ['ACTIVE', 'DRAFT']
-- $4 = 'pune'
-- $5 = 'maker'
-- $6 = 2016
-- $7 = 'INR'
-- $8 = 10000
-- $9 = 2026-11-01T00:00:00+00:00
-- $10 = ['ACTIVE', 'DRAFT']
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listings":{"totalCount":',
    (
      SELECT concat(
        (
          SELECT count(*)
          FROM (
            SELECT
            FROM listing
            WHERE (
              listing.status = 'ACTIVE'::VARCHAR
              AND listing.deleted_at IS NULL
              AND listing.visibility = 'PUBLIC'::VARCHAR
              OR listing.deleted_at IS NULL
            )
            AND listing.kind = 'VEHICLE'::VARCHAR
            AND listing.status = ANY ($3::TEXT[])
            AND listing.city_key = $4::VARCHAR
            AND listing.id IN (
              SELECT vehicle_detail.id
              FROM vehicle_detail
              WHERE vehicle_detail.tenant_id = listing.tenant_id
              AND vehicle_detail.make_key = $5::VARCHAR
              AND vehicle_detail.year >= $6::INTEGER
            )
            AND listing.price_minor IS NOT NULL
            AND listing.currency = $7::VARCHAR
            AND listing.price_order >= $8::BIGINT
            AND listing.updated_at >= $9::TIMESTAMP WITH TIME ZONE
            AND listing.tenant_id = $1::UUID
            LIMIT 10001
          ) c
        ),
        ',"nodes":[',
        string_agg(
          concat(
            '{"title":',
            to_json(t1.title),
            ',"status":"',
            t1.status,
            '","price":',
            CASE
              WHEN t1.price_minor IS NULL THEN 'null'
              ELSE concat('{"amount":"', t1._x4, '","currencyCode":', to_json(t1.currency), '}')
            END,
            ',"vehicle":',
            CASE
              WHEN t2.id IS NULL THEN 'null'
              ELSE concat(
                '{"make":',
                coalesce(to_json(t2.make), 'null'::json),
                ',"year":',
                CASE WHEN t2.year IS NULL THEN 'null' ELSE (t2.year)::text END,
                '}'
              )
            END,
            '}'
          ),
          ','
          ORDER BY t1.price_order ASC,
          t1.id ASC
        )
      ) AS answer
      FROM (
        SELECT listing.price_order AS price_order,
        listing.id AS id,
        listing.title AS title,
        listing.status AS status,
        listing.price_minor * CASE
          WHEN (listing.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
          WHEN (
            listing.currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[])
          ) THEN 1::numeric
          WHEN (listing.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
          WHEN (listing.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
          WHEN (listing.currency IS NOT NULL) THEN 0.01::numeric
        END AS _x4,
        listing.currency AS currency,
        listing.price_minor AS price_minor
        FROM listing
        WHERE (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.kind = 'VEHICLE'::VARCHAR
        AND listing.status = ANY ($10::TEXT[])
        AND listing.city_key = $4::VARCHAR
        AND listing.id IN (
          SELECT vehicle_detail.id
          FROM vehicle_detail
          WHERE vehicle_detail.tenant_id = listing.tenant_id
          AND vehicle_detail.make_key = $5::VARCHAR
          AND vehicle_detail.year >= $6::INTEGER
        )
        AND listing.price_minor IS NOT NULL
        AND listing.currency = $7::VARCHAR
        AND listing.price_order >= $8::BIGINT
        AND listing.updated_at >= $9::TIMESTAMP WITH TIME ZONE
        AND listing.tenant_id = $1::UUID
        ORDER BY listing.price_order ASC,
        listing.id ASC
        LIMIT $2::INTEGER
      ) t1
      LEFT JOIN LATERAL (
        SELECT vehicle_detail.id AS id,
        vehicle_detail.make AS make,
        vehicle_detail.year AS year
        FROM vehicle_detail
        WHERE vehicle_detail.id = t1.id
        AND vehicle_detail.tenant_id = $1::UUID
        LIMIT 1
      ) t2 ON true
    ),
    ']}}}'
  )
)
FROM s

-- query
-- $1 = the asker: tenant_id
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listings":{"nodes":[',
    (
      SELECT string_agg(
        concat(
          '{"kind":"',
          t1.kind,
          '","title":',
          to_json(t1.title),
          ',"vehicle":',
          CASE
            WHEN t2.id IS NULL THEN 'null'
            ELSE concat(
              '{"make":',
              coalesce(to_json(t2.make), 'null'::json),
              ',"model":',
              coalesce(to_json(t2.model), 'null'::json),
              ',"year":',
              CASE WHEN t2.year IS NULL THEN 'null' ELSE (t2.year)::text END,
              ',"km":',
              CASE WHEN t2.km IS NULL THEN 'null' ELSE (t2.km)::text END,
              ',"fuel":',
              CASE WHEN t2.fuel IS NULL THEN 'null' ELSE concat('"', t2.fuel, '"') END,
              '}'
            )
          END,
          ',"castingCall":',
          CASE
            WHEN t3.id IS NULL THEN 'null'
            ELSE concat(
              '{"role":',
              to_json(t3.role),
              ',"fee":',
              CASE
                WHEN t3.fee_minor IS NULL THEN 'null'
                ELSE concat('{"amount":"', t3._x2, '","currencyCode":', to_json(t3.currency), '}')
              END,
              '}'
            )
          END,
          ',"product":',
          CASE WHEN t4.id IS NULL THEN 'null' ELSE concat('{"availability":"', t4.availability, '"}') END,
          '}'
        ),
        ','
        ORDER BY t1.created_at DESC,
        t1.id DESC
      ) AS answer
      FROM (
        SELECT listing.created_at AS created_at,
        listing.id AS id,
        listing.kind AS kind,
        listing.title AS title
        FROM listing
        WHERE listing.status = 'ACTIVE'::VARCHAR
        AND listing.deleted_at IS NULL
        AND listing.visibility = 'PUBLIC'::VARCHAR
        AND listing.tenant_id = $1::UUID
        ORDER BY listing.created_at DESC,
        listing.id DESC
        LIMIT 5
      ) t1
      LEFT JOIN LATERAL (
        SELECT vehicle_detail.id AS id,
        vehicle_detail.make AS make,
        vehicle_detail.model AS model,
        vehicle_detail.year AS year,
        vehicle_detail.km AS km,
        vehicle_detail.fuel AS fuel
        FROM vehicle_detail
        WHERE vehicle_detail.id = t1.id
        AND vehicle_detail.tenant_id = $1::UUID
      ) t2 ON true
      LEFT JOIN LATERAL (
        SELECT casting_detail.id AS id,
        casting_detail.role AS role,
        casting_detail.fee_minor * CASE
          WHEN (casting_detail.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
          WHEN (
            casting_detail.currency = ANY (
              '{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[]
            )
          ) THEN 1::numeric
          WHEN (casting_detail.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
          WHEN (casting_detail.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
          WHEN (casting_detail.currency IS NOT NULL) THEN 0.01::numeric
        END AS _x2,
        casting_detail.currency AS currency,
        casting_detail.fee_minor AS fee_minor
        FROM casting_detail
        WHERE casting_detail.id = t1.id
        AND casting_detail.tenant_id = $1::UUID
      ) t3 ON true
      LEFT JOIN LATERAL (
        SELECT product_detail.id AS id,
        product_detail.availability AS availability
        FROM product_detail
        WHERE product_detail.id = t1.id
        AND product_detail.tenant_id = $1::UUID
      ) t4 ON true
    ),
    ']}}}'
  )
)
FROM s

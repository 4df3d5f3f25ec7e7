-- query
-- $1 = the asker: tenant_id
-- $2 = the asker: dealer_id
-- $3 = d0c50000-0000-7000-8000-000100000001
-- \x020\x02 = FORBIDDEN: VehicleDetail.registrationNumber: listing:readPrivate
-- \x021\x02 = FORBIDDEN: Listing.floor: listing:readPrivate
-- \x030: … \x03 = vehicle_detail.registration_number_enc, opened by the server
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listing":',
    coalesce(
      (
        SELECT concat(
          '{"title":',
          to_json(t1.title),
          ',"vehicle":',
          CASE
            WHEN t2.id IS NULL THEN 'null'
            ELSE concat(
              '{"registrationNumber":',
              CASE
                WHEN t2._x1 THEN (
                  CASE
                    WHEN t2.registration_number_enc IS NULL THEN 'null'
                    ELSE concat(
                      E'\x030:',
                      t2.id::text,
                      ':',
                      translate(encode(t2.registration_number_enc, 'base64'), E'\n', ''),
                      E'\x03'
                    )
                  END
                )::text
                ELSE E'\x020\x02'
              END,
              ',"year":',
              CASE WHEN t2.year IS NULL THEN 'null' ELSE (t2.year)::text END,
              '}'
            )
          END,
          ',"floor":',
          CASE
            WHEN t1._x2 THEN (
              CASE
                WHEN t1.floor_minor IS NULL THEN 'null'
                ELSE concat('{"amount":"', t1._x3, '","currencyCode":', to_json(t1.currency), '}')
              END
            )::text
            ELSE E'\x021\x02'
          END,
          '}'
        )
        FROM (
          SELECT listing.id AS id,
          listing.title AS title,
          listing.deleted_at IS NULL
          AND listing.dealer_id = $2::UUID AS _x2,
          listing.floor_minor * CASE
            WHEN (listing.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
            WHEN (
              listing.currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[])
            ) THEN 1::numeric
            WHEN (listing.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
            WHEN (listing.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
            WHEN (listing.currency IS NOT NULL) THEN 0.01::numeric
          END AS _x3,
          listing.currency AS currency,
          listing.floor_minor AS floor_minor
          FROM listing
          WHERE listing.id = $3::UUID
          AND (
            listing.status = 'ACTIVE'::VARCHAR
            AND listing.deleted_at IS NULL
            AND (
              listing.visibility = 'PUBLIC'::VARCHAR
              OR (
                EXISTS (
                  SELECT *
                  FROM listing_audience AS listing_audience_1
                  WHERE listing_audience_1.tenant_id = listing.tenant_id
                  AND listing_audience_1.listing_id = listing.id
                  AND listing_audience_1.dealer_id = $2::UUID
                )
              )
            )
            OR listing.deleted_at IS NULL
            AND listing.dealer_id = $2::UUID
          )
          AND listing.tenant_id = $1::UUID
        ) t1
        LEFT JOIN LATERAL (
          SELECT vehicle_detail.id AS id,
          EXISTS (
            SELECT *
            FROM listing AS listing_1
            WHERE listing_1.tenant_id = vehicle_detail.tenant_id
            AND listing_1.id = vehicle_detail.id
            AND listing_1.dealer_id = $2::UUID
          ) AS _x1,
          vehicle_detail.registration_number_enc AS registration_number_enc,
          vehicle_detail.year AS year
          FROM vehicle_detail
          WHERE vehicle_detail.id = t1.id
          AND vehicle_detail.tenant_id = $1::UUID
        ) t2 ON true
      ),
      'null'
    ),
    '}}'
  )
)
FROM s

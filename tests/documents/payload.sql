-- listingPause.listing: Listing
-- $1 = the asker: tenant_id
-- $2 = the asker: dealer_id
-- $3 = 'the changed row'
-- \x020\x02 = FORBIDDEN: Listing.floor: listing:readPrivate
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    coalesce(
      (
        SELECT concat(
          '{"id":"TGlzdGlu',
          encode(textsend('g:' || t1.id::text), 'base64'),
          '","version":',
          t1.version,
          ',"status":"',
          t1.status,
          '","floor":',
          CASE
            WHEN t1._x3 THEN (
              CASE
                WHEN t1.floor_minor IS NULL THEN 'null'
                ELSE concat('{"amount":"', t1._x4, '","currencyCode":', to_json(t1.currency), '}')
              END
            )::text
            ELSE E'\x020\x02'
          END,
          ',"offers":{"totalCount":',
          t3.answer,
          ']}}'
        )
        FROM (
          SELECT listing.id AS id,
          listing.version AS version,
          listing.status AS status,
          listing.deleted_at IS NULL
          AND listing.dealer_id = $2::UUID AS _x3,
          listing.floor_minor * CASE
            WHEN (listing.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
            WHEN (
              listing.currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[])
            ) THEN 1::numeric
            WHEN (listing.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
            WHEN (listing.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
            WHEN (listing.currency IS NOT NULL) THEN 0.01::numeric
          END AS _x4,
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
          SELECT concat(
            (
              SELECT count(*)
              FROM (
                SELECT
                FROM offer
                WHERE (offer.proposer_dealer_id = $2::UUID OR offer.owner_dealer_id = $2::UUID)
                AND offer.listing_id = t1.id
                AND offer.tenant_id = $1::UUID
                LIMIT 10001
              ) c
            ),
            ',"nodes":[',
            string_agg(
              concat('{"id":"T2ZmZXI6', encode(textsend(t2.id::text), 'base64'), '"}'),
              ','
              ORDER BY t2.created_at DESC,
              t2.id DESC
            )
          ) AS answer
          FROM (
            SELECT offer.created_at AS created_at,
            offer.id AS id
            FROM offer
            WHERE (offer.proposer_dealer_id = $2::UUID OR offer.owner_dealer_id = $2::UUID)
            AND offer.listing_id = t1.id
            AND offer.tenant_id = $1::UUID
            ORDER BY offer.created_at DESC,
            offer.id DESC
            LIMIT 1
          ) t2
        ) t3 ON true
      ),
      'null'
    )
  )
)
FROM s

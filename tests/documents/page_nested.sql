-- query
-- $1 = the asker: tenant_id
-- $2 = ['ACTIVE']
-- $3 = ['ACTIVE']
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"listings":{"totalCount":',
    (
      WITH t1_page AS MATERIALIZED (
        SELECT t1.*,
        row_number() OVER (ORDER BY t1.created_at ASC, t1.id ASC) AS page_at
        FROM (
          SELECT listing.created_at AS created_at,
          listing.id AS id,
          listing.title AS title,
          listing.price_minor * CASE
            WHEN (listing.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
            WHEN (
              listing.currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[])
            ) THEN 1::numeric
            WHEN (listing.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
            WHEN (listing.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
            WHEN (listing.currency IS NOT NULL) THEN 0.01::numeric
          END AS _x3,
          listing.currency AS currency,
          listing.price_minor AS price_minor,
          listing.dealer_id AS dealer_id
          FROM listing
          WHERE (
            listing.status = 'ACTIVE'::VARCHAR
            AND listing.deleted_at IS NULL
            AND listing.visibility = 'PUBLIC'::VARCHAR
            OR listing.deleted_at IS NULL
          )
          AND listing.status = ANY ($3::TEXT[])
          AND listing.tenant_id = $1::UUID
          ORDER BY listing.created_at ASC,
          listing.id ASC
          LIMIT 3 + 1
        ) t1
      )
      SELECT concat(
        least(
          coalesce(
            (
              SELECT sum(kept_count.n) AS n
              FROM kept_count
              WHERE kept_count.subject = 'listing'
              AND (
                kept_count.status = 'ACTIVE'::VARCHAR
                AND NOT kept_count.removed
                AND kept_count.visibility = 'PUBLIC'::VARCHAR
                OR NOT kept_count.removed
              )
              AND kept_count.status = ANY ($2::TEXT[])
              AND kept_count.tenant_id = $1::UUID
            ),
            0
          ),
          10001
        ),
        ',"edges":[',
        string_agg(
          concat(
            '{"cursor":"',
            encode('\x0a27e2'::bytea || timestamptz_send(t1.created_at) || uuid_send(t1.id), 'base64'),
            '","node":{"id":"TGlzdGlu',
            encode(textsend('g:' || t1.id::text), 'base64'),
            '","title":',
            to_json(t1.title),
            ',"price":',
            CASE
              WHEN t1.price_minor IS NULL THEN 'null'
              ELSE concat('{"amount":"', t1._x3, '","currencyCode":', to_json(t1.currency), '}')
            END,
            ',"dealer":',
            CASE WHEN t2.id IS NULL THEN 'null' ELSE concat('{"name":', to_json(t2.name), '}') END,
            ',"offers":{"totalCount":',
            t7.answer,
            '}}}}'
          ),
          ','
          ORDER BY t1.created_at ASC,
          t1.id ASC
        ),
        '],"pageInfo":{"hasNextPage":',
        CASE WHEN (SELECT count(*) FROM t1_page) > 3 THEN 'true' ELSE 'false' END,
        ',"hasPreviousPage":false,"startCursor":',
        coalesce(
          (
            SELECT concat(
              '"',
              encode('\x0a27e2'::bytea || timestamptz_send(t1_page.created_at) || uuid_send(t1_page.id), 'base64'),
              '"'
            )
            FROM t1_page
            WHERE page_at = 1
            AND 3 > 0
          ),
          'null'
        ),
        ',"endCursor":',
        coalesce(
          (
            SELECT concat(
              '"',
              encode('\x0a27e2'::bytea || timestamptz_send(t1_page.created_at) || uuid_send(t1_page.id), 'base64'),
              '"'
            )
            FROM t1_page
            WHERE page_at = least(3, (SELECT count(*) FROM t1_page))
          ),
          'null'
        )
      ) AS answer
      FROM t1_page t1
      LEFT JOIN LATERAL (
        SELECT dealer.id AS id,
        dealer.name AS name
        FROM dealer
        WHERE dealer.id = t1.dealer_id
        AND dealer.deleted_at IS NULL
        AND dealer.tenant_id = $1::UUID
      ) t2 ON true
      LEFT JOIN LATERAL (
        WITH t3_page AS MATERIALIZED (
          SELECT t3.*,
          row_number() OVER (ORDER BY t3.created_at DESC, t3.id DESC) AS page_at
          FROM (
            SELECT offer.created_at AS created_at,
            offer.id AS id,
            offer.amount_minor * CASE
              WHEN (offer.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
              WHEN (
                offer.currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[])
              ) THEN 1::numeric
              WHEN (offer.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
              WHEN (offer.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
              WHEN (offer.currency IS NOT NULL) THEN 0.01::numeric
            END AS _x2,
            offer.currency AS currency,
            offer.proposer_user_id AS proposer_user_id
            FROM offer
            WHERE offer.listing_id = t1.id
            AND offer.tenant_id = $1::UUID
            ORDER BY offer.created_at DESC,
            offer.id DESC
            LIMIT 1 + 1
          ) t3
        )
        SELECT concat(
          (
            SELECT count(*)
            FROM (SELECT FROM offer WHERE offer.listing_id = t1.id AND offer.tenant_id = $1::UUID LIMIT 10001) c
          ),
          ',"nodes":[',
          string_agg(
            concat(
              '{"id":"T2ZmZXI6',
              encode(textsend(t3.id::text), 'base64'),
              '","amount":{"amount":"',
              t3._x2,
              '","currencyCode":',
              to_json(t3.currency),
              '},"proposerUser":',
              CASE WHEN t4.id IS NULL THEN 'null' ELSE concat('{"name":', to_json(t4.name), '}') END,
              ',"revisions":{"nodes":[',
              t6.answer,
              ']}}'
            ),
            ','
            ORDER BY t3.created_at DESC,
            t3.id DESC
          ),
          '],"pageInfo":{"hasNextPage":',
          CASE WHEN (SELECT count(*) FROM t3_page) > 1 THEN 'true' ELSE 'false' END
        ) AS answer
        FROM t3_page t3
        LEFT JOIN LATERAL (
          SELECT app_user.id AS id,
          app_user.name AS name
          FROM app_user
          WHERE app_user.id = t3.proposer_user_id
          AND true
          AND app_user.tenant_id = $1::UUID
        ) t4 ON true
        LEFT JOIN LATERAL (
          SELECT string_agg(
            concat(
              '{"n":',
              t5.n,
              ',"byParty":"',
              t5.by_party,
              '","message":',
              coalesce(to_json(t5.message), 'null'::json),
              '}'
            ),
            ','
            ORDER BY t5.n ASC,
            t5.id ASC
          ) AS answer
          FROM (
            SELECT offer_revision.n AS n,
            offer_revision.id AS id,
            offer_revision.by_party AS by_party,
            offer_revision.message AS message
            FROM offer_revision
            WHERE offer_revision.offer_id = t3.id
            AND offer_revision.tenant_id = $1::UUID
            ORDER BY offer_revision.n ASC,
            offer_revision.id ASC
            LIMIT 2
          ) t5
        ) t6 ON true
        WHERE t3.page_at <= 1
      ) t7 ON true
      WHERE t1.page_at <= 3
    ),
    '}}}}'
  )
)
FROM s

-- query
-- $1 = the asker: tenant_id
-- $2 = 'motorcycle'
-- $3 = ['LISTING', 'TICKET', 'TICKET_INTERNAL']
-- $4 = 'simple'
-- \x020\x02 = FORBIDDEN: Ticket.subject: ticket:read
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"search":[',
    (
      SELECT string_agg(
        concat(
          '{"type":"',
          t1.type,
          '","node":',
          CASE
            WHEN t2.id IS NOT NULL THEN concat(
              '{"__typename":"Listing","id":"TGlzdGlu',
              encode(textsend('g:' || t2.id::text), 'base64'),
              '","title":',
              to_json(t2.title),
              ',"status":"',
              t2.status,
              '"}'
            )
            WHEN t3.id IS NOT NULL THEN concat(
              '{"__typename":"Dealer","id":"RGVhbGVy',
              encode(textsend(':' || t3.id::text), 'base64'),
              '"}'
            )
            WHEN t4.id IS NOT NULL THEN concat(
              '{"__typename":"Sku","id":"U2t1',
              encode(textsend(':' || t4.id::text), 'base64'),
              '"}'
            )
            WHEN t5.id IS NOT NULL THEN concat(
              '{"__typename":"Competitor","id":"Q29tcGV0aXRv',
              encode(textsend('r:' || t5.id::text), 'base64'),
              '"}'
            )
            WHEN t6.id IS NOT NULL THEN concat(
              '{"__typename":"Ticket","id":"VGlja2V0',
              encode(textsend(':' || t6.id::text), 'base64'),
              '","subject":',
              CASE WHEN t6._x1 THEN (to_json(t6.subject))::text ELSE E'\x020\x02' END,
              '}'
            )
            WHEN t7.id IS NOT NULL THEN concat(
              '{"__typename":"User","id":"VXNl',
              encode(textsend('r:' || t7.id::text), 'base64'),
              '"}'
            )
            ELSE 'null'
          END,
          '}',
          CASE WHEN t1.type IS NULL THEN E'\x01' END
        ),
        ','
        ORDER BY t1.rank DESC,
        t1.row_id DESC
      ) AS answer
      FROM (
        SELECT anon_1.rank AS rank,
        anon_1.row_id AS row_id,
        anon_1.type AS type
        FROM (
          SELECT anon_2.type AS type,
          anon_2.id AS row_id,
          CAST(max(anon_2.rank) * 1000000::INTEGER AS INTEGER) AS rank
          FROM (
            SELECT CASE
              WHEN (anon_3.kind = 'TICKET_INTERNAL'::VARCHAR) THEN 'TICKET'::VARCHAR
              ELSE anon_3.kind
            END AS type,
            anon_3.id AS id,
            anon_3.rank AS rank
            FROM souk.find($2::VARCHAR, $3::TEXT[], 500::INTEGER) AS anon_3
            WHERE numnode(websearch_to_tsquery($4::REGCONFIG, $2::VARCHAR)) > 0::INTEGER
            AND (
              anon_3.kind = 'LISTING'::VARCHAR
              AND (
                EXISTS (
                  SELECT listing.id
                  FROM listing
                  WHERE listing.id = anon_3.id
                  AND (
                    listing.status = 'ACTIVE'::VARCHAR
                    AND listing.deleted_at IS NULL
                    AND listing.visibility = 'PUBLIC'::VARCHAR
                    OR listing.deleted_at IS NULL
                  )
                )
              )
              OR anon_3.kind = 'TICKET'::VARCHAR
              AND (EXISTS (SELECT ticket.id FROM ticket WHERE ticket.id = anon_3.id AND ticket.deleted_at IS NULL))
              OR anon_3.kind = 'TICKET_INTERNAL'::VARCHAR
              AND (EXISTS (SELECT ticket.id FROM ticket WHERE ticket.id = anon_3.id AND ticket.deleted_at IS NULL))
            )
          ) AS anon_2
          GROUP BY anon_2.type,
          anon_2.id
        ) AS anon_1
        ORDER BY anon_1.rank DESC,
        anon_1.row_id DESC
        LIMIT 50
      ) t1
      LEFT JOIN LATERAL (
        SELECT listing.id AS id,
        listing.title AS title,
        listing.status AS status
        FROM listing
        WHERE listing.id = t1.row_id
        AND (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.tenant_id = $1::UUID
        AND t1.type = 'LISTING'
        LIMIT 1
      ) t2 ON true
      LEFT JOIN LATERAL (
        SELECT dealer.id AS id
        FROM dealer
        WHERE dealer.id = t1.row_id
        AND dealer.deleted_at IS NULL
        AND dealer.tenant_id = $1::UUID
        AND t1.type = 'DEALER'
        LIMIT 1
      ) t3 ON true
      LEFT JOIN LATERAL (
        SELECT sku.id AS id
        FROM sku
        WHERE sku.id = t1.row_id
        AND sku.tenant_id = $1::UUID
        AND t1.type = 'SKU'
        LIMIT 1
      ) t4 ON true
      LEFT JOIN LATERAL (
        SELECT competitor.id AS id
        FROM competitor
        WHERE competitor.id = t1.row_id
        AND competitor.tenant_id = $1::UUID
        AND t1.type = 'COMPETITOR'
        LIMIT 1
      ) t5 ON true
      LEFT JOIN LATERAL (
        SELECT ticket.id AS id,
        ticket.deleted_at IS NULL AS _x1,
        ticket.subject AS subject
        FROM ticket
        WHERE ticket.id = t1.row_id
        AND ticket.deleted_at IS NULL
        AND ticket.tenant_id = $1::UUID
        AND t1.type = 'TICKET'
        LIMIT 1
      ) t6 ON true
      LEFT JOIN LATERAL (
        SELECT app_user.id AS id
        FROM app_user
        WHERE app_user.id = t1.row_id
        AND true
        AND app_user.tenant_id = $1::UUID
        AND t1.type = 'USER'
        LIMIT 1
      ) t7 ON true
    ),
    ']}}'
  )
)
FROM s

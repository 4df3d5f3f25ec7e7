-- query
-- $1 = the asker: tenant_id
-- $2 = the asker: user_id
-- $3 = [d0c50000-0000-7000-8000-000500000002, d0c50000-0000-7000-8000-000100000001, d0c50000-0000-7000-8000-000100000063, d0c50000-0000-7000-8000-000700000001, d0c50000-0000-7000-8000-000500000001, None]
-- $4 = ['Ticket', 'Listing', 'Listing', 'Batch', 'Ticket', '']
-- \x020\x02 = FORBIDDEN: User.name: user:read or user:readStaff
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"nodes":[',
    (
      SELECT string_agg(
        CASE
          WHEN t2.id IS NOT NULL THEN concat(
            '{"__typename":"Batch","id":"QmF0Y2g6',
            encode(textsend(t2.id::text), 'base64'),
            '","title":',
            to_json(t2.title),
            '}'
          )
          WHEN t3.id IS NOT NULL THEN concat(
            '{"__typename":"Listing","id":"TGlzdGlu',
            encode(textsend('g:' || t3.id::text), 'base64'),
            '","title":',
            to_json(t3.title),
            '}'
          )
          WHEN t4.id IS NOT NULL THEN concat(
            '{"__typename":"Ticket","id":"VGlja2V0',
            encode(textsend(':' || t4.id::text), 'base64'),
            '","number":',
            t4.number,
            ',"requester":',
            CASE
              WHEN t5.id IS NULL THEN 'null'
              ELSE concat('{"name":', CASE WHEN t5._x1 THEN (to_json(t5.name))::text ELSE E'\x020\x02' END, '}')
            END,
            '}'
          )
          ELSE 'null'
        END,
        ','
        ORDER BY i1.at
      )
      FROM unnest($3::UUID[], $4::TEXT[]) WITH ORDINALITY AS i1(id, type, at)
      LEFT JOIN LATERAL (
        SELECT batch.id AS id,
        batch.title AS title
        FROM batch
        WHERE batch.id = i1.id
        AND batch.tenant_id = $1::UUID
        AND i1.type = 'Batch'
        LIMIT 1
      ) t2 ON true
      LEFT JOIN LATERAL (
        SELECT listing.id AS id,
        listing.title AS title
        FROM listing
        WHERE listing.id = i1.id
        AND (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.tenant_id = $1::UUID
        AND i1.type = 'Listing'
        LIMIT 1
      ) t3 ON true
      LEFT JOIN LATERAL (
        SELECT ticket.id AS id,
        ticket.number AS number,
        ticket.requester_id AS requester_id
        FROM ticket
        WHERE ticket.id = i1.id
        AND ticket.deleted_at IS NULL
        AND ticket.tenant_id = $1::UUID
        AND i1.type = 'Ticket'
        LIMIT 1
      ) t4 ON true
      LEFT JOIN LATERAL (
        SELECT app_user.id AS id,
        app_user.id = $2::UUID
        OR app_user.staff IS true AS _x1,
        app_user.name AS name
        FROM app_user
        WHERE app_user.id = t4.requester_id
        AND true
        AND app_user.tenant_id = $1::UUID
        LIMIT 1
      ) t5 ON true
    ),
    ']}}'
  )
)
FROM s

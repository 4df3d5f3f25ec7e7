-- query
-- $1 = the asker: tenant_id
-- $2 = the asker: user_id
-- \x020\x02 = FORBIDDEN: Ticket.subject: ticket:read
-- \x021\x02 = FORBIDDEN: User.name: user:read or user:readStaff
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"tickets":{"nodes":[',
    (
      SELECT string_agg(
        concat(
          '{"number":',
          t1.number,
          ',"subject":',
          CASE WHEN t1._x3 THEN (to_json(t1.subject))::text ELSE E'\x020\x02' END,
          ',"requester":',
          CASE
            WHEN t2.id IS NULL THEN 'null'
            ELSE concat('{"name":', CASE WHEN t2._x1 THEN (to_json(t2.name))::text ELSE E'\x021\x02' END, '}')
          END,
          ',"subjectRef":',
          CASE
            WHEN t3.id IS NOT NULL THEN concat('{"__typename":"Alert"}')
            WHEN t4.id IS NOT NULL THEN concat('{"__typename":"Deal"}')
            WHEN t5.id IS NOT NULL THEN concat(
              '{"__typename":"Dealer","id":"RGVhbGVy',
              encode(textsend(':' || t5.id::text), 'base64'),
              '","name":',
              to_json(t5.name),
              '}'
            )
            WHEN t6.id IS NOT NULL THEN concat(
              '{"__typename":"Lead","id":"TGVh',
              encode(textsend('d:' || t6.id::text), 'base64'),
              '","status":"',
              t6.status,
              '","listing":',
              CASE WHEN t7.id IS NULL THEN 'null' ELSE concat('{"title":', to_json(t7.title), '}') END,
              '}'
            )
            WHEN t8.id IS NOT NULL THEN concat(
              '{"__typename":"Listing","id":"TGlzdGlu',
              encode(textsend('g:' || t8.id::text), 'base64'),
              '","title":',
              to_json(t8.title),
              '}'
            )
            ELSE 'null'
          END,
          '}'
        ),
        ','
        ORDER BY t1.created_at DESC,
        t1.id DESC
      ) AS answer
      FROM (
        SELECT ticket.created_at AS created_at,
        ticket.id AS id,
        ticket.number AS number,
        ticket.deleted_at IS NULL AS _x3,
        ticket.subject AS subject,
        ticket.requester_id AS requester_id,
        ticket.subject_type AS subject_type,
        ticket.subject_id AS subject_id
        FROM ticket
        WHERE ticket.deleted_at IS NULL
        AND ticket.tenant_id = $1::UUID
        ORDER BY ticket.created_at DESC,
        ticket.id DESC
        LIMIT 5
      ) t1
      LEFT JOIN LATERAL (
        SELECT app_user.id AS id,
        app_user.id = $2::UUID
        OR app_user.staff IS true AS _x1,
        app_user.name AS name
        FROM app_user
        WHERE app_user.id = t1.requester_id
        AND true
        AND app_user.tenant_id = $1::UUID
      ) t2 ON true
      LEFT JOIN LATERAL (
        SELECT alert.id AS id
        FROM alert
        WHERE alert.id = t1.subject_id
        AND alert.tenant_id = $1::UUID
        AND t1.subject_type = 'ALERT'
      ) t3 ON true
      LEFT JOIN LATERAL (
        SELECT deal.id AS id
        FROM deal
        WHERE deal.id = t1.subject_id
        AND deal.tenant_id = $1::UUID
        AND t1.subject_type = 'DEAL'
      ) t4 ON true
      LEFT JOIN LATERAL (
        SELECT dealer.id AS id,
        dealer.name AS name
        FROM dealer
        WHERE dealer.id = t1.subject_id
        AND dealer.deleted_at IS NULL
        AND dealer.tenant_id = $1::UUID
        AND t1.subject_type = 'DEALER'
      ) t5 ON true
      LEFT JOIN LATERAL (
        SELECT lead.id AS id,
        lead.status AS status,
        lead.listing_id AS listing_id
        FROM lead
        WHERE lead.id = t1.subject_id
        AND lead.tenant_id = $1::UUID
        AND t1.subject_type = 'LEAD'
      ) t6 ON true
      LEFT JOIN LATERAL (
        SELECT listing.id AS id,
        listing.title AS title
        FROM listing
        WHERE listing.id = t6.listing_id
        AND (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.tenant_id = $1::UUID
      ) t7 ON true
      LEFT JOIN LATERAL (
        SELECT listing.id AS id,
        listing.title AS title
        FROM listing
        WHERE listing.id = t1.subject_id
        AND (
          listing.status = 'ACTIVE'::VARCHAR
          AND listing.deleted_at IS NULL
          AND listing.visibility = 'PUBLIC'::VARCHAR
          OR listing.deleted_at IS NULL
        )
        AND listing.tenant_id = $1::UUID
        AND t1.subject_type = 'LISTING'
      ) t8 ON true
    ),
    ']}}}'
  )
)
FROM s

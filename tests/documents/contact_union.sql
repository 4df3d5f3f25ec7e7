-- query
-- $1 = the asker: tenant_id
-- $2 = the asker: user_id
-- \x020\x02 = FORBIDDEN: User.name: user:read or user:readStaff
-- \x021\x02 = FORBIDDEN: LeadContactOpen.name: lead:contact
-- \x022\x02 = FORBIDDEN: LeadContactOpen.phone: lead:contact
-- \x023\x02 = FORBIDDEN: LeadContactOpen.email: lead:contact
-- \x024\x02 = FORBIDDEN: LeadContactOpen.message: lead:contact
-- \x030: … \x03 = lead.contact_name_enc, opened by the server
-- \x031: … \x03 = lead.contact_phone_enc, opened by the server
-- \x032: … \x03 = lead.contact_email_enc, opened by the server
-- \x033: … \x03 = lead.message_enc, opened by the server
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"leads":{"nodes":[',
    (
      SELECT string_agg(
        concat(
          '{"id":"TGVh',
          encode(textsend('d:' || t1.id::text), 'base64'),
          '","status":"',
          t1.status,
          '","assignee":',
          CASE
            WHEN t2.id IS NULL THEN 'null'
            ELSE concat('{"name":', CASE WHEN t2._x1 THEN (to_json(t2.name))::text ELSE E'\x020\x02' END, '}')
          END,
          ',"contact":',
          CASE
            WHEN t1._x12 THEN concat(
              '{"__typename":"LeadContactOpen","name":',
              CASE
                WHEN t1._x4 THEN (
                  CASE
                    WHEN t1.contact_name_enc IS NULL THEN 'null'
                    ELSE concat(
                      E'\x030:',
                      t1.id::text,
                      ':',
                      translate(encode(t1.contact_name_enc, 'base64'), E'\n', ''),
                      E'\x03'
                    )
                  END
                )::text
                ELSE E'\x021\x02'
              END,
              ',"phone":',
              CASE
                WHEN t1._x6 THEN (
                  CASE
                    WHEN t1.contact_phone_enc IS NULL THEN 'null'
                    ELSE concat(
                      E'\x031:',
                      t1.id::text,
                      ':',
                      translate(encode(t1.contact_phone_enc, 'base64'), E'\n', ''),
                      E'\x03'
                    )
                  END
                )::text
                ELSE E'\x022\x02'
              END,
              ',"email":',
              CASE
                WHEN t1._x8 THEN (
                  CASE
                    WHEN t1.contact_email_enc IS NULL THEN 'null'
                    ELSE concat(
                      E'\x032:',
                      t1.id::text,
                      ':',
                      translate(encode(t1.contact_email_enc, 'base64'), E'\n', ''),
                      E'\x03'
                    )
                  END
                )::text
                ELSE E'\x023\x02'
              END,
              ',"message":',
              CASE
                WHEN t1._x10 THEN (
                  CASE
                    WHEN t1.message_enc IS NULL THEN 'null'
                    ELSE concat(
                      E'\x033:',
                      t1.id::text,
                      ':',
                      translate(encode(t1.message_enc, 'base64'), E'\n', ''),
                      E'\x03'
                    )
                  END
                )::text
                ELSE E'\x024\x02'
              END,
              '}'
            )
            ELSE concat(
              '{"__typename":"LeadContactLocked","reason":"',
              t1._x13,
              '","unlockCost":',
              t1.unlock_cost,
              ',"canUnlock":',
              CASE WHEN t1._x15 THEN 'true' ELSE 'false' END,
              '}',
              CASE WHEN t1._x13 IS NULL OR t1._x15 IS NULL THEN E'\x01' END
            )
          END,
          '}'
        ),
        ','
        ORDER BY t1.created_at DESC,
        t1.id DESC
      ) AS answer
      FROM (
        SELECT lead.created_at AS created_at,
        lead.id AS id,
        lead.status AS status,
        lead.assignee_id AS assignee_id,
        lead.assignee_id = $2::UUID AS _x4,
        lead.contact_name_enc AS contact_name_enc,
        lead.assignee_id = $2::UUID AS _x6,
        lead.contact_phone_enc AS contact_phone_enc,
        lead.assignee_id = $2::UUID AS _x8,
        lead.contact_email_enc AS contact_email_enc,
        lead.assignee_id = $2::UUID AS _x10,
        lead.message_enc AS message_enc,
        lead.assignee_id = $2::UUID AS _x12,
        'NOT_ASSIGNED'::VARCHAR AS _x13,
        lead.unlock_cost AS unlock_cost,
        false AS _x15
        FROM lead
        WHERE lead.tenant_id = $1::UUID
        ORDER BY lead.created_at DESC,
        lead.id DESC
        LIMIT 5
      ) t1
      LEFT JOIN LATERAL (
        SELECT app_user.id AS id,
        app_user.id = $2::UUID
        OR app_user.staff IS true AS _x1,
        app_user.name AS name
        FROM app_user
        WHERE app_user.id = t1.assignee_id
        AND true
        AND app_user.tenant_id = $1::UUID
      ) t2 ON true
    ),
    ']}}}'
  )
)
FROM s

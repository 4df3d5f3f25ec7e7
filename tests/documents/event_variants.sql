-- query
-- $1 = the asker: tenant_id
-- $2 = 0
-- $3 = d0c50000-0000-7000-8000-000700000001
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"batchEvents":',
    coalesce(
      (
        SELECT concat(
          '{"lastSeq":"',
          t1.last_seq,
          '","hasMore":',
          CASE WHEN t1.has_more THEN 'true' ELSE 'false' END,
          ',"events":[',
          t5.answer,
          ']}',
          CASE WHEN t1.last_seq IS NULL OR t1.has_more IS NULL THEN E'\x01' END
        )
        FROM (
          SELECT least(
            batch.seq_head,
            least(greatest($2::BIGINT, 0::INTEGER), 4611686018427387904::BIGINT) + least(
              greatest(10::INTEGER, 1::INTEGER),
              500::INTEGER
            )
          ) AS last_seq,
          batch.seq_head > least(greatest($2::BIGINT, 0::INTEGER), 4611686018427387904::BIGINT) + least(
            greatest(10::INTEGER, 1::INTEGER),
            500::INTEGER
          ) AS has_more,
          batch.id AS id,
          least(greatest($2::BIGINT, 0::INTEGER), 4611686018427387904::BIGINT) AS since
          FROM batch
          WHERE batch.id = $3::UUID
          AND batch.tenant_id = $1::UUID
        ) t1
        LEFT JOIN LATERAL (
          SELECT string_agg(
            concat(
              CASE
                t2.kind
                WHEN 'STATE' THEN concat(
                  '{"__typename":"BatchStateChanged","seq":"',
                  t2.seq,
                  '","counts":{"total":',
                  t2.total,
                  ',"succeeded":',
                  t2.succeeded,
                  ',"failed":',
                  t2.failed,
                  '},"from":',
                  CASE WHEN t2.from_status IS NULL THEN 'null' ELSE concat('"', t2.from_status, '"') END,
                  ',"to":',
                  CASE WHEN t2.to_status IS NULL THEN 'null' ELSE concat('"', t2.to_status, '"') END,
                  ',"reason":',
                  coalesce(to_json(t2.reason), 'null'::json),
                  '}'
                )
                WHEN 'ITEMS' THEN concat(
                  '{"__typename":"BatchItemsChanged","seq":"',
                  t2.seq,
                  '","counts":{"total":',
                  t2.total,
                  ',"succeeded":',
                  t2.succeeded,
                  ',"failed":',
                  t2.failed,
                  '},"items":',
                  CASE
                    WHEN jsonb_typeof(t2.items) IS DISTINCT
                    FROM 'array' THEN 'null'
                    ELSE concat(
                      '[',
                      (
                        SELECT string_agg(
                          concat(
                            CASE
                              WHEN jsonb_typeof(e3.doc) IS DISTINCT
                              FROM 'object' THEN E'\x01'
                              ELSE concat(
                                '{"n":',
                                CASE WHEN (e3.doc ->> 'n') IS NULL THEN 'null' ELSE ((e3.doc ->> 'n'))::text END,
                                ',"status":',
                                coalesce(to_json((e3.doc ->> 'status')), 'null'::json),
                                ',"outcome":',
                                coalesce(to_json((e3.doc ->> 'outcome')), 'null'::json),
                                ',"targetId":',
                                coalesce(to_json((e3.doc ->> 'target_id')), 'null'::json),
                                '}'
                              )
                            END
                          ),
                          ','
                          ORDER BY e3.at
                        )
                        FROM jsonb_array_elements(t2.items) WITH ORDINALITY AS e3(doc, at)
                      ),
                      ']'
                    )
                  END,
                  '}'
                )
                WHEN 'LOG' THEN concat(
                  '{"__typename":"BatchLogAppended","seq":"',
                  t2.seq,
                  '","counts":{"total":',
                  t2.total,
                  ',"succeeded":',
                  t2.succeeded,
                  ',"failed":',
                  t2.failed,
                  '},"lines":',
                  CASE
                    WHEN jsonb_typeof(t2.lines) IS DISTINCT
                    FROM 'array' THEN 'null'
                    ELSE concat(
                      '[',
                      (
                        SELECT string_agg(
                          concat(
                            CASE
                              WHEN jsonb_typeof(e4.doc) IS DISTINCT
                              FROM 'object' THEN E'\x01'
                              ELSE concat(
                                '{"level":',
                                coalesce(to_json((e4.doc ->> 'level')), 'null'::json),
                                ',"message":',
                                coalesce(to_json((e4.doc ->> 'message')), 'null'::json),
                                '}'
                              )
                            END
                          ),
                          ','
                          ORDER BY e4.at
                        )
                        FROM jsonb_array_elements(t2.lines) WITH ORDINALITY AS e4(doc, at)
                      ),
                      ']'
                    )
                  END,
                  '}'
                )
                ELSE E'\x01'
              END
            ),
            ','
            ORDER BY t2.seq ASC,
            t2.id ASC
          ) AS answer
          FROM (
            SELECT batch_event.seq AS seq,
            batch_event.id AS id,
            batch_event.kind AS kind,
            batch_event.total AS total,
            batch_event.succeeded AS succeeded,
            batch_event.failed AS failed,
            batch_event.from_status AS from_status,
            batch_event.to_status AS to_status,
            batch_event.reason AS reason,
            batch_event.items AS items,
            batch_event.lines AS lines
            FROM batch_event
            WHERE batch_event.batch_id = t1.id
            AND batch_event.seq > t1.since
            AND batch_event.seq <= t1.last_seq
            AND batch_event.tenant_id = $1::UUID
            ORDER BY batch_event.seq ASC,
            batch_event.id ASC
            LIMIT 500
          ) t2
        ) t5 ON true
      ),
      'null'
    ),
    '}}'
  )
)
FROM s

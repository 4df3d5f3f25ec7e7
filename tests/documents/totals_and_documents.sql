-- query
-- $1 = the asker: tenant_id
-- $2 = d0c50000-0000-7000-8000-000700000001
WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', $1::UUID::text, true))
SELECT textsend(
  concat(
    '{"data":{"batch":',
    coalesce(
      (
        SELECT concat(
          '{"title":',
          to_json(t1.title),
          ',"counts":{"total":',
          t1.total,
          ',"succeeded":',
          t1.succeeded,
          ',"failed":',
          t1.failed,
          '},"impactSoFar":',
          CASE
            WHEN jsonb_typeof(t1.impact) IS DISTINCT
            FROM 'object' THEN E'\x01'
            ELSE concat(
              '[',
              (
                SELECT string_agg(
                  concat(
                    '{"amount":"',
                    (
                      e2.minor::bigint * CASE
                        WHEN (e2.currency = ANY ('{INR,AED,SAR,USD,EUR,GBP,QAR}'::text[])) THEN 0.01::numeric
                        WHEN (
                          e2.currency = ANY (
                            '{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}'::text[]
                          )
                        ) THEN 1::numeric
                        WHEN (e2.currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}'::text[])) THEN 0.001::numeric
                        WHEN (e2.currency = ANY ('{CLF,UYW}'::text[])) THEN 0.0001::numeric
                        WHEN (e2.currency IS NOT NULL) THEN 0.01::numeric
                      END
                    ),
                    '","currencyCode":',
                    to_json(e2.currency),
                    '}',
                    CASE WHEN e2.minor::bigint IS NULL OR e2.currency IS NULL OR e2.currency IS NULL THEN E'\x01' END
                  ),
                  ','
                  ORDER BY e2.currency COLLATE "C"
                )
                FROM jsonb_each_text(t1.impact) AS e2(currency, minor)
              ),
              ']'
            )
          END,
          ',"report":',
          CASE
            WHEN jsonb_typeof(t1.report) IS DISTINCT
            FROM 'object' THEN 'null'
            ELSE concat(
              '{"total":',
              CASE WHEN (t1.report ->> 'total') IS NULL THEN 'null' ELSE ((t1.report ->> 'total'))::text END,
              ',"durationMs":',
              CASE
                WHEN (t1.report ->> 'duration_ms') IS NULL THEN 'null'
                ELSE ((t1.report ->> 'duration_ms'))::text
              END,
              ',"groups":',
              CASE
                WHEN jsonb_typeof((t1.report -> 'groups')) IS DISTINCT
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
                            '{"action":',
                            coalesce(to_json((e3.doc ->> 'action')), 'null'::json),
                            ',"status":',
                            coalesce(to_json((e3.doc ->> 'status')), 'null'::json),
                            ',"outcome":',
                            coalesce(to_json((e3.doc ->> 'outcome')), 'null'::json),
                            ',"errorCode":',
                            coalesce(to_json((e3.doc ->> 'error_code')), 'null'::json),
                            ',"items":',
                            CASE WHEN (e3.doc ->> 'items') IS NULL THEN 'null' ELSE ((e3.doc ->> 'items'))::text END,
                            '}'
                          )
                        END
                      ),
                      ','
                      ORDER BY e3.at
                    )
                    FROM jsonb_array_elements((t1.report -> 'groups')) WITH ORDINALITY AS e3(doc, at)
                  ),
                  ']'
                )
              END,
              '}'
            )
          END,
          ',"availableTransitions":',
          CASE
            WHEN jsonb_typeof(t1._x7) IS DISTINCT
            FROM 'array' THEN E'\x01'
            ELSE concat(
              '[',
              (
                SELECT string_agg(
                  concat(
                    CASE
                      WHEN jsonb_typeof(e4.doc) IS DISTINCT
                      FROM 'object' THEN E'\x01'
                      ELSE concat(
                        '{"to":',
                        to_json((e4.doc ->> 'to')),
                        ',"mutation":',
                        to_json((e4.doc ->> 'mutation')),
                        ',"allowed":',
                        (e4.doc ->> 'allowed'),
                        ',"reason":',
                        coalesce(to_json((e4.doc ->> 'reason')), 'null'::json),
                        '}',
                        CASE
                          WHEN (e4.doc ->> 'to') IS NULL
                          OR (e4.doc ->> 'mutation') IS NULL
                          OR (e4.doc ->> 'allowed') IS NULL THEN E'\x01'
                        END
                      )
                    END
                  ),
                  ','
                  ORDER BY e4.at
                )
                FROM jsonb_array_elements(t1._x7) WITH ORDINALITY AS e4(doc, at)
              ),
              ']'
            )
          END,
          '}'
        )
        FROM (
          SELECT batch.id AS id,
          batch.title AS title,
          batch.total AS total,
          batch.succeeded AS succeeded,
          batch.failed AS failed,
          batch.impact AS impact,
          batch.report AS report,
          CASE
            WHEN (batch.status = 'PENDING_APPROVAL'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"READY","mutation":"batchDecide","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"READY","mutation":"batchDecide","allowed":false,"reason":"You may not decide this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"CANCELLED","mutation":"batchDecide","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"CANCELLED","mutation":"batchDecide","allowed":false,"reason":"You may not decide this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"CANCELLED","mutation":"batchCancel","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"CANCELLED","mutation":"batchCancel","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'READY'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"RUNNING","mutation":"batchStart","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"RUNNING","mutation":"batchStart","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"CANCELLED","mutation":"batchCancel","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"CANCELLED","mutation":"batchCancel","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'CANCELLED'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'RUNNING'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"PAUSED","mutation":"batchPause","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"PAUSED","mutation":"batchPause","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"CANCELLING","mutation":"batchCancel","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"CANCELLING","mutation":"batchCancel","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'PAUSED'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"RUNNING","mutation":"batchResume","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"RUNNING","mutation":"batchResume","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"CANCELLING","mutation":"batchCancel","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"CANCELLING","mutation":"batchCancel","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'COMPLETED'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'COMPLETED_WITH_ERRORS'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"RUNNING","mutation":"batchRetryFailed","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"RUNNING","mutation":"batchRetryFailed","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            WHEN (batch.status = 'FAILED'::VARCHAR) THEN jsonb_build_array(
              CASE
                WHEN true THEN '{"to":"RUNNING","mutation":"batchRetryFailed","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"RUNNING","mutation":"batchRetryFailed","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END,
              CASE
                WHEN true THEN '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":true,"reason":null}'::jsonb
                ELSE '{"to":"ROLLING_BACK","mutation":"batchRollback","allowed":false,"reason":"You may not steer this batch."}'::jsonb
              END
            )
            ELSE '[]'::jsonb
          END AS _x7
          FROM batch
          WHERE batch.id = $2::UUID
          AND batch.tenant_id = $1::UUID
        ) t1
      ),
      'null'
    ),
    '}}'
  )
)
FROM s

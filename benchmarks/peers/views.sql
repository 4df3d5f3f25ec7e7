-- What the other servers read: Souk's own tables under the policies of whoever asks, with the columns that the documents
-- show already in the form of Souk's answers. PostgreSQL has a core to spare beside them; their process has not.
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;

CREATE VIEW peer.listing WITH (security_invoker = true) AS
SELECT tenant_id, id, encode(convert_to('Listing:' || id, 'UTF8'), 'base64') AS gid, title,
       CASE WHEN currency IN ('JPY', 'KRW') THEN price_minor::text ELSE (price_minor * 0.01)::text END AS price_amount,
       currency, price_order, status, city, dealer_id, created_at AS created,
       replace(left(created_at::text, -3), ' ', 'T') || 'Z' AS created_at,
       encode('\x{tag}'::bytea || timestamptz_send(created_at) || uuid_send(id), 'base64') AS cursor
FROM public.listing WHERE deleted_at IS NULL;

CREATE VIEW peer.dealer WITH (security_invoker = true) AS
SELECT tenant_id, id, encode(convert_to('Dealer:' || id, 'UTF8'), 'base64') AS gid, name, city FROM public.dealer;

CREATE VIEW peer.app_user WITH (security_invoker = true) AS
SELECT tenant_id, id, name FROM public.app_user;

CREATE VIEW peer.offer WITH (security_invoker = true) AS
SELECT tenant_id, id, encode(convert_to('Offer:' || id, 'UTF8'), 'base64') AS gid, listing_id, proposer_user_id,
       CASE WHEN currency IN ('JPY', 'KRW') THEN amount_minor::text ELSE (amount_minor * 0.01)::text END AS amount_text, status,
       created_at AS created, replace(left(created_at::text, -3), ' ', 'T') || 'Z' AS created_at
FROM public.offer;

CREATE VIEW peer.lead WITH (security_invoker = true) AS
SELECT tenant_id, id, encode(convert_to('Lead:' || id, 'UTF8'), 'base64') AS gid, listing_id, status, source,
       created_at AS created, replace(left(created_at::text, -3), ' ', 'T') || 'Z' AS created_at
FROM public.lead;

GRANT USAGE ON SCHEMA peer TO souk_app;
GRANT SELECT ON ALL TABLES IN SCHEMA peer TO souk_app;

-- for PostGraphile: keys and relations of the views, as it reads them from comments
COMMENT ON VIEW peer.listing IS E'@name listing\n@primaryKey tenant_id,id\n@foreignKey (tenant_id, dealer_id) references peer.dealer (tenant_id, id)|@fieldName dealer|@foreignBehavior -*';
COMMENT ON VIEW peer.dealer IS E'@name dealer\n@primaryKey tenant_id,id';
COMMENT ON VIEW peer.app_user IS E'@name user\n@primaryKey tenant_id,id';
COMMENT ON VIEW peer.offer IS E'@name offer\n@primaryKey tenant_id,id\n@foreignKey (tenant_id, listing_id) references peer.listing (tenant_id, id)|@fieldName listing|@foreignFieldName offers\n@foreignKey (tenant_id, proposer_user_id) references peer.app_user (tenant_id, id)|@fieldName proposerUser|@foreignBehavior -*';
COMMENT ON VIEW peer.lead IS E'@name lead\n@primaryKey tenant_id,id\n@foreignKey (tenant_id, listing_id) references peer.listing (tenant_id, id)|@fieldName listing|@foreignBehavior -*';

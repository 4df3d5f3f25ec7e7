-- What is measured on, in Souk's own tables: the same rows each time, in sets, with all constraints and triggers on.
-- $1 tenant, $2 how many listings it has; offers are three times, leads twice as many. Run as souk_owner.

-- dealers
INSERT INTO dealer (tenant_id, id, created_at, updated_at, version, kind, name, city, city_key, phone, email,
                    verification, standing, notice, authorised)
SELECT $1, bench.key('dealer', $1, n, at), at, at, 1, 'DEALERSHIP',
       (ARRAY['Aurora','Banyan','Čerń','Delta','Éclair','Fjord'])[1 + n % 6] || ' Motors ' || n,
       city, lower(city), '+9198' || lpad(n::text, 8, '0'), 'dealer' || n || '@example.com',
       CASE WHEN n % 5 = 0 THEN 'PENDING' ELSE 'VERIFIED' END, CASE WHEN n % 9 = 0 THEN 'WATCH' ELSE 'GOOD' END, 0, true
FROM generate_series(0, $2::int / 100 - 1) AS g(n), bench.at(n, 3600.5) at, bench.city(n) city;

-- accounts
INSERT INTO account (id, email_key, created_at)
SELECT bench.key('account', $1, n, at), 'buyer' || n || '@' || $1::text || '.example.com', at
FROM generate_series(0, $2::int / 10 - 1) n, bench.at(n, 300.25) at;

-- people
INSERT INTO app_user (tenant_id, id, created_at, updated_at, version, account_id, name, email, status, staff)
SELECT $1, bench.key('user', $1, n, at), at, at, 1, bench.key('account', $1, n, at),
       (ARRAY['Asha','Björn','Chloé','Dmitri','Esi','Fatima','"Gus"'])[1 + n % 7] || ' ' || n,
       'buyer' || n || '@' || $1::text || '.example.com', 'ACTIVE', false
FROM generate_series(0, $2::int / 10 - 1) n, bench.at(n, 300.25) at;

-- listings: a few dealers have most of them
INSERT INTO listing (tenant_id, id, created_at, updated_at, version, dealer_id, kind, status, title, description,
                     price_minor, price_order, currency, negotiable, capacity, max_unlocks, visibility, city, city_key,
                     expires_at, published_at)
SELECT $1, bench.key('listing', $1, n, at), at, at, 1, d.id, 'VEHICLE', status,
       (ARRAY['Honda City ZX','Maruti Swift','Hero Splendor+','Tata "Nexon" EV','Škoda Octavia'])[1 + n % 5] || ', ' || (2005 + n % 20) || ' #' || n,
       'One owner, serviced every year. ' || repeat('Papers are in order. ', n % 6),
       price, coalesce(price, 1::bigint << 62), 'INR', n % 3 > 0, 1, 3, 'PUBLIC', city, lower(city),
       CASE WHEN status = 'DRAFT' THEN NULL ELSE at + interval '60 days' END,
       CASE WHEN status = 'DRAFT' THEN NULL ELSE at + interval '1 hour' END
FROM generate_series(0, $2::int - 1) n
CROSS JOIN bench.at(n, 61.734567) at
CROSS JOIN LATERAL (SELECT bench.share(n, 'status') AS u) u
CROSS JOIN LATERAL (SELECT CASE WHEN u < 0.70 THEN 'ACTIVE' WHEN u < 0.82 THEN 'PAUSED' WHEN u < 0.90 THEN 'FULFILLED'
                                WHEN u < 0.96 THEN 'EXPIRED' ELSE 'DRAFT' END AS status) s
CROSS JOIN LATERAL (SELECT CASE WHEN status <> 'DRAFT' THEN (5000 + bench.share(n, 'price') * 9000000)::bigint END AS price) p
CROSS JOIN LATERAL (SELECT CASE WHEN n % 11 > 0 THEN bench.city(n) END AS city) c
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM dealer WHERE tenant_id = $1) d
  ON d.place = floor(bench.share(n, 'dealer') ^ 3 * ($2::int / 100))::int;

-- offers: none to six for each listing, three on average, each from another person
INSERT INTO offer (tenant_id, id, created_at, updated_at, version, listing_id, direction, status, proposer_user_id,
                   owner_dealer_id, head_party, amount_minor, proposer_amount_minor, currency, expires_at)
SELECT $1, bench.key('offer' || k, $1, l.n, at), at, at, 1, l.id, 'BUY',
       CASE WHEN u < 0.042 THEN 'PENDING' WHEN u < 0.5 THEN 'REJECTED' WHEN u < 0.9 THEN 'EXPIRED' ELSE 'WITHDRAWN' END,
       p.id, l.dealer_id, 'PROPOSER', amount, amount, l.currency, at + interval '3 days'
FROM (SELECT id, dealer_id, currency, price_minor, created_at, row_number() OVER (ORDER BY created_at DESC) - 1 AS n
      FROM listing WHERE tenant_id = $1) l
CROSS JOIN LATERAL generate_series(1, (l.n * 5 + 2) % 7) k
CROSS JOIN LATERAL (SELECT l.created_at + k * interval '7 hours 13.004321 seconds' AS at) t
CROSS JOIN LATERAL (SELECT bench.share(l.n * 7 + k, 'offer') AS u) u
CROSS JOIN LATERAL (SELECT (coalesce(l.price_minor, 100000) * (0.7 + 0.04 * k))::bigint AS amount) a
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM app_user WHERE tenant_id = $1 AND NOT staff) p
  ON p.place = (l.n * 31 + k * 17) % ($2::int / 10);

-- leads: two for each listing; the contact is ciphertext that nobody opens here
INSERT INTO lead (tenant_id, id, created_at, updated_at, version, listing_id, dealer_id, user_id, status, distribution,
                  tier, source, contact_name_enc, contact_phone_enc, max_unlocks, unlock_count, unlock_cost, expires_at,
                  lost_reason)
SELECT $1, bench.key('lead' || k, $1, l.n, at), at, at, 1, l.id, l.dealer_id, NULL, status, 'SHARED',
       (ARRAY['A','B','C'])[1 + l.n % 3], (ARRAY['WEB','APP','PARTNER'])[1 + (l.n + k) % 3],
       sha256(convert_to('name' || l.n || k, 'UTF8')), sha256(convert_to('phone' || l.n || k, 'UTF8')), 3, 0, 10,
       at + interval '30 days', CASE WHEN status = 'LOST' THEN 'PRICE' END
FROM (SELECT id, dealer_id, created_at, row_number() OVER (ORDER BY created_at DESC) - 1 AS n
      FROM listing WHERE tenant_id = $1) l
CROSS JOIN generate_series(1, 2) k
CROSS JOIN LATERAL (SELECT l.created_at + k * interval '11 hours 3.120 seconds' AS at) t
CROSS JOIN LATERAL (SELECT bench.share(l.n * 2 + k, 'lead') AS u) u
CROSS JOIN LATERAL (SELECT CASE WHEN u < 0.064 THEN 'NEW' WHEN u < 0.4 THEN 'CONTACTED' WHEN u < 0.7 THEN 'EXPIRED'
                                ELSE 'LOST' END AS status) s;

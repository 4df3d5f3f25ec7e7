// The statements of Mercurius and Apollo: what a careful hand writes behind loaders. Prepared once per connection.

import postgres from "postgres";
import { POOL, rls, settings, url } from "./common.mjs";

const at = new URL(url.replace("@/", "@socket/"));
const socket = at.searchParams.get("host");
const sql = postgres({
  host: socket ?? at.hostname, port: Number(at.port) || 5432, database: at.pathname.slice(1),
  user: decodeURIComponent(at.username), password: decodeURIComponent(at.password),
  max: POOL, connection: settings,
});

const LISTING = `gid AS "id", id AS "rowId", title, price_amount AS "priceAmount", currency, status, city,
  created_at AS "createdAt", dealer_id AS "dealerId", cursor`;
const OFFER = `o.gid AS "id", o.id AS "rowId", o.amount_text AS "amountText", o.status, o.created_at AS "createdAt",
  o.listing_id AS "listingId", o.proposer_user_id AS "userId"`;
const LEAD = `gid AS "id", status, source, created_at AS "createdAt", listing_id AS "listingId"`;
const ORDERS = { NEWEST: "created DESC, id DESC", PRICE_DESC: "price_order DESC, id DESC" };
const COLUMNS = { listing: LISTING, offer: OFFER, lead: LEAD };

const shapes = {
  listing(row) {
    row.price = row.priceAmount === null ? null : { amount: row.priceAmount, currencyCode: row.currency };
    return row;
  },
  offer(row) {
    row.amount = { amount: row.amountText };
    return row;
  },
  lead: (row) => row,
};

// The place after a cursor: three bytes that name the order, microseconds since 2000, the row's id.
const placeOf = (cursor) => {
  const bytes = Buffer.from(cursor, "base64");
  const hex = bytes.toString("hex", 11);
  return [String(bytes.readBigInt64BE(3)), hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")];
};

// A list of one word is an equation, which an index on (tenant, status, time) answers in order.
const condition = (values, tenant, status) => {
  values.push(tenant);
  if (!status) return "tenant_id = $1";
  values.push(status.length === 1 ? status[0] : status);
  return `tenant_id = $1 AND status = ${status.length === 1 ? "$2" : "ANY($2::text[])"}`;
};

const unique = (keys) => [...new Set(keys)];

// What one request reads. With row-level security it is one transaction on one connection; the statements are pipelined.
export class Reader {
  constructor(tenant) {
    this.tenant = tenant;
  }

  async run(text, values) {
    if (!rls) return sql.unsafe(text, values, { prepare: true });
    this.held ??= this.begin();
    return (await this.held).unsafe(text, values, { prepare: true });
  }

  async begin() {
    const held = await sql.reserve();
    held.unsafe(`BEGIN READ ONLY; SELECT set_config('souk.tenant_id', '${this.tenant}', true)`).simple().catch(() => {});
    return held;
  }

  // The answer does not wait for the end of a transaction that only read.
  close() {
    this.held?.then((held) => held.unsafe("COMMIT").simple().finally(() => held.release()));
  }

  async listing(rowId) {
    const found = await this.run(`SELECT ${LISTING} FROM peer.listing WHERE tenant_id = $1 AND id = $2`, [this.tenant, rowId]);
    return found.length ? shapes.listing(found[0]) : null;
  }

  async count(table, status) {
    const values = [];
    const where = condition(values, this.tenant, status);
    return (await this.run(`SELECT count(*)::int AS n FROM peer.${table} WHERE ${where}`, values))[0].n;
  }

  // The page and one row more, which only tells that there is another page.
  async page(table, { status, order = "NEWEST", first, after }) {
    const values = [];
    let where = condition(values, this.tenant, status);
    if (after) {
      const at = values.push(...placeOf(after));
      where += ` AND (created, id) < (timestamptz '2000-01-01 00:00:00+00' + $${at - 1}::bigint * interval '1 microsecond', $${at}::uuid)`;
    }
    values.push(first + 1);
    const rows = await this.run(
      `SELECT ${COLUMNS[table]} FROM peer.${table}${table === "offer" ? " o" : ""} WHERE ${where} ORDER BY ${ORDERS[order]} LIMIT $${values.length}`, values);
    return rows.map(shapes[table]);
  }

  async byId(table, columns, keys, shape = (row) => row) {
    const wanted = unique(keys);
    const rows = await this.run(`SELECT id AS "rowId", ${columns} FROM peer.${table} WHERE tenant_id = $1 AND id = ANY($2::uuid[])`, [this.tenant, wanted]);
    const found = new Map(rows.map((row) => [row.rowId, shape(row)]));
    return keys.map((key) => found.get(key) ?? null);
  }

  dealers(keys) {
    return this.byId("dealer", `gid AS "id", name, city`, keys);
  }

  users(keys) {
    return this.byId("app_user", "name", keys);
  }

  listings(keys) {
    return this.byId("listing", LISTING, keys, shapes.listing);
  }

  // The first offers of each listing, by an index lookup for each.
  async offers(keys, first) {
    const rows = await this.run(
      `SELECT o.* FROM unnest($2::uuid[]) AS k(listing_id) CROSS JOIN LATERAL (
         SELECT ${OFFER} FROM peer.offer o WHERE o.tenant_id = $1 AND o.listing_id = k.listing_id
         ORDER BY o.created DESC, o.id DESC LIMIT $3) o`, [this.tenant, unique(keys), first]);
    const found = new Map(keys.map((key) => [key, []]));
    for (const row of rows) found.get(row.listingId).push({ node: shapes.offer(row) });
    return keys.map((key) => ({ edges: found.get(key) }));
  }
}

// A list as a root field gives it: nothing is read before a field asks.
export class Page {
  constructor(reader, table, asked) {
    Object.assign(this, { reader, table, asked });
  }

  rows() {
    return (this.found ??= this.reader.page(this.table, this.asked));
  }

  async edges() {
    const rows = await this.rows();
    return rows.slice(0, this.asked.first).map((node) => ({ cursor: node.cursor, node }));
  }

  async pageInfo() {
    const rows = await this.rows();
    const shown = rows.slice(0, this.asked.first);
    return { hasNextPage: rows.length > shown.length, endCursor: shown.at(-1)?.cursor ?? null };
  }

  totalCount() {
    return this.reader.count(this.table, this.asked.status);
  }
}

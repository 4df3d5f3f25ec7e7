// What every server here is told: where the database is, whose token is whose, which document has which id.

export const url = process.env.PEERS_DATABASE_URL;
export const port = Number(process.env.PEERS_PORT);
// With row-level security the login acts as souk_app, and every request is a transaction that names its tenant.
// Without, it sees everything, and every statement names the tenant itself.
export const rls = process.env.PEERS_RLS === "1";
export const documents = JSON.parse(process.env.PEERS_DOCUMENTS);

const tenants = new Map(JSON.parse(process.env.PEERS_TENANTS).map(([token, id]) => [`Bearer ${token}`, id]));
export const tenantOf = (authorization) => {
  const id = tenants.get(authorization);
  if (!id) throw new Error("nobody");
  return id;
};

export const POOL = 4;
// The same for everybody: no JIT in the database, UTC.
export const settings = { TimeZone: "UTC", jit: "off", ...(rls ? { role: "souk_app" } : {}) };
export const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(" ");

export const rowId = (id) => Buffer.from(id, "base64").latin1Slice(8);

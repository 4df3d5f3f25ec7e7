// What every suite shares: where the servers are, who signs in, and how a result is told.
import { createHash } from 'node:crypto';

export const DEVELOPMENT = process.env.SOUK_DEVELOPMENT; // http://127.0.0.1:PORT/graphql
export const PRODUCTION = process.env.SOUK_PRODUCTION;
const PEOPLE = JSON.parse(process.env.SOUK_PEOPLE);

export const socketOf = (url) => url.replace(/^http/, 'ws');
export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** The bearer token of somebody of the demo. */
export function tokenOf(role, tenant = 'pharos') {
  return PEOPLE.find((each) => each.role === role && each.tenant === tenant).token;
}
export const bearer = (role = 'OPS', tenant = 'pharos') => ({ authorization: `Bearer ${tokenOf(role, tenant)}` });

/** One request; the status, the headers and the JSON, if it is any. */
export async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // whoever asks looks at the text
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** The running batch of the demo: its id and how far its events go. */
export async function batch() {
  const { json } = await post(DEVELOPMENT, { query: '{ batches(orderBy: NEWEST, first: 20) { nodes { id kind lastSeq } } }' }, bearer());
  const [found] = json.data.batches.nodes.filter((each) => Number(each.lastSeq) > 10);
  return found;
}

const results = [];
/** One case: it passes when `work` does not throw. A case that hangs for 20 s has failed. */
export async function check(name, work) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error('no answer within 20 s')), 20_000);
  });
  try {
    await Promise.race([work(), late]);
    results.push({ name, passed: true });
  } catch (error) {
    results.push({ name, passed: false, reason: String(error?.message ?? error).slice(0, 400) });
  } finally {
    clearTimeout(timer);
  }
}
export function record(name, passed, reason = '') {
  results.push({ name, passed, reason });
}

/** The last word of a suite, as one line that the runner reads. */
export function finish(suite) {
  process.stdout.write(`\n@@${JSON.stringify({ suite, results })}\n`, () => process.exit(0));
}

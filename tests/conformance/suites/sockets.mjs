// graphql-ws and graphql-sse, as their authors mean them to be used.
import assert from 'node:assert/strict';
import { createClient as createSocket } from 'graphql-ws';
import { createClient as createStream } from 'graphql-sse';
import WebSocket from 'ws';
import { DEVELOPMENT, PRODUCTION, batch, bearer, check, finish, sha256, socketOf } from './lib.mjs';

const LIVE = 'subscription($batchId: ID!, $after: BigInt) { batchEvents(batchId: $batchId, after: $after) { __typename seq counts { total succeeded } } }';
const ROLE = '{ viewer { role } }';
const SHIPPED = JSON.parse(process.env.SOUK_SHIPPED);
const { id: batchId, lastSeq } = await batch();

const socket = (url, params = bearer(), more = {}) =>
  createSocket({ url: socketOf(url), webSocketImpl: WebSocket, connectionParams: params, retryAttempts: 0, ...more });
const stream = (url, headers = bearer(), more = {}) => createStream({ url, headers, retryAttempts: 0, ...more });

/** The first `most` results of an operation, without what they cost; fewer if it ends before. */
async function take(client, payload, most = Infinity) {
  const found = [];
  for await (const result of client.iterate(payload)) {
    const { extensions, ...told } = result;
    found.push(told);
    if (found.length >= most) break;
  }
  return found;
}
const seqs = (results) => results.map((each) => Number(each.data.batchEvents.seq));
/** The code of a refusal: a result with errors, a message of the socket, or the answer that a stream was refused with. */
async function code(refused) {
  if (refused?.response) return (await refused.response.json()).errors[0].extensions.code;
  const error = Array.isArray(refused) ? refused[0] : refused.errors?.[0] ?? refused;
  return error.extensions?.code;
}

for (const [name, make] of [['graphql-ws', socket], ['graphql-sse', stream]]) {
  await check(`${name}: a query`, async () => {
    assert.deepEqual(await take(make(DEVELOPMENT), { query: ROLE }), [{ data: { viewer: { role: 'OPS' } } }]);
  });
  await check(`${name}: a query with variables and a name`, async () => {
    const query = 'query A($n: Int!) { alerts(first: $n) { nodes { id } } } query B { viewer { role } }';
    const [first] = await take(make(DEVELOPMENT), { query, variables: { n: 3 }, operationName: 'A' });
    assert.equal(first.data.alerts.nodes.length, 3);
  });
  await check(`${name}: a mutation`, async () => {
    const query = 'mutation { taskCreate(input: {kind: FOLLOW_UP, title: "Seen"}) { task { status } userErrors { code } } }';
    assert.deepEqual(await take(make(DEVELOPMENT), { query }), [{ data: { taskCreate: { task: { status: 'TODO' }, userErrors: [] } } }]);
  });
  await check(`${name}: a subscription from the beginning, in order, without a gap`, async () => {
    const most = Number(lastSeq);
    assert.deepEqual(seqs(await take(make(DEVELOPMENT), { query: LIVE, variables: { batchId } }, most)), Array.from({ length: most }, (_, n) => n + 1));
  });
  await check(`${name}: a subscription resumes behind an event`, async () => {
    assert.deepEqual(seqs(await take(make(DEVELOPMENT), { query: LIVE, variables: { batchId, after: '5' } }, 3)), [6, 7, 8]);
  });
  await check(`${name}: a subscription of nothing ends`, async () => {
    const none = await take(make(DEVELOPMENT), { query: LIVE, variables: { batchId: 'QmF0Y2g6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAw' } });
    assert.equal(none.filter((each) => each.data).length, 0);
  });
  await check(`${name}: a document that is not valid`, async () => {
    const refused = await take(make(DEVELOPMENT), { query: '{ nothing }' }).then((results) => results[0], (error) => error);
    assert.equal(await code(refused), 'BAD_REQUEST');
  });
  await check(`${name}: a syntax error ends its operation, and the client goes on`, async () => {
    const client = make(DEVELOPMENT);
    const refused = await take(client, { query: '{' }).then((results) => results[0], (error) => error);
    assert.equal(await code(refused), 'BAD_REQUEST');
    assert.deepEqual(await take(client, { query: ROLE }), [{ data: { viewer: { role: 'OPS' } } }]);
  });
  await check(`${name}: a token that is none`, async () => {
    await assert.rejects(take(make(DEVELOPMENT, { authorization: 'Bearer nobody-at-all-0123456789' }), { query: ROLE }));
  });
  await check(`${name}: Apollo's hash in development`, async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(ROLE) } };
    const [first] = await take(make(DEVELOPMENT), { query: ROLE, extensions });
    assert.equal(first.data.viewer.role, 'OPS');
  });
  await check(`${name}: in production a registered document by its text`, async () => {
    const [first] = await take(make(PRODUCTION), { query: SHIPPED.BatchLive.text, variables: { batchId, after: '3' } }, 1);
    assert.equal(first.data.batchEvents.seq, '4');
  });
  await check(`${name}: in production by Apollo's hash`, async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: SHIPPED.BatchLive.id.slice(7) } };
    const payload = { query: SHIPPED.BatchLive.text, extensions, variables: { batchId, after: '3' } };
    assert.deepEqual(seqs(await take(make(PRODUCTION), payload, 2)), [4, 5]);
  });
  await check(`${name}: in production another document is refused`, async () => {
    const refused = await take(make(PRODUCTION), { query: ROLE }).then((results) => results[0], (error) => error);
    assert.equal(await code(refused), 'PERSISTED_QUERY_REQUIRED');
  });
}

await check('graphql-ws: twenty operations at once on one socket', async () => {
  const client = socket(DEVELOPMENT);
  const all = await Promise.all(Array.from({ length: 20 }, () => take(client, { query: ROLE })));
  assert.equal(all.flat().filter((each) => each.data.viewer.role === 'OPS').length, 20);
  await client.dispose();
});
await check('graphql-ws: keeps alive by pings', async () => {
  let pongs = 0;
  const client = socket(DEVELOPMENT, bearer(), { keepAlive: 200, on: { pong: () => (pongs += 1) } });
  const results = client.iterate({ query: LIVE, variables: { batchId } });
  await results.next();
  await new Promise((done) => setTimeout(done, 900));
  assert.ok(pongs >= 2, `${pongs} pongs`);
  await results.return();
});
await check('graphql-ws: an operation that is ended by the client sends nothing more', async () => {
  const client = socket(DEVELOPMENT);
  for await (const _ of client.iterate({ query: LIVE, variables: { batchId } })) break;
  assert.deepEqual(await take(client, { query: ROLE }), [{ data: { viewer: { role: 'OPS' } } }]);
});
await check('graphql-sse: a lazy client resolves its headers for each connection', async () => {
  let asked = 0;
  const client = stream(DEVELOPMENT, () => ({ ...bearer(), n: String((asked += 1)) }));
  await take(client, { query: ROLE });
  await take(client, { query: ROLE });
  assert.equal(asked, 2);
});
finish('graphql-ws and graphql-sse');

// Apollo Client 4: HTTP, WebSocket, multipart subscriptions, automatic persisted queries by POST and GET.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { buildSync } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import { print } from 'graphql';
import WebSocket from 'ws';
import { DEVELOPMENT, PRODUCTION, batch, bearer, check, finish, post, sha256, socketOf, tokenOf } from './lib.mjs';

buildSync({ entryPoints: ['apollo/src/wall.ts'], outfile: '.out/apollo/wall.mjs', bundle: true, format: 'esm', external: ['@apollo/client/*'] });
const sources = await import('../.out/apollo/wall.mjs');

const SHIPPED = JSON.parse(process.env.SOUK_SHIPPED);
const { id: batchId } = await batch();
const client = (link, more = {}) => new ApolloClient({ link, cache: new InMemoryCache(), ...more });
const ALERTS = gql`query Alerts($first: Int!) { alerts(first: $first) { totalCount nodes { id status dealer { id name } } } }`;
const LIVE = gql`subscription Live($batchId: ID!, $after: BigInt) { batchEvents(batchId: $batchId, after: $after) { seq } }`;

/** A fetch that remembers what was sent, and what came back. */
function spy() {
  const seen = [];
  const fetcher = async (url, init) => {
    const response = await fetch(url, init);
    seen.push({ method: init.method ?? 'GET', url: String(url), body: init.body, status: response.status, accept: new Headers(init.headers).get('accept') });
    return response;
  };
  return { seen, fetcher };
}
const http = (url, fetcher = fetch, more = {}) => new HttpLink({ uri: url, headers: bearer(), fetch: fetcher, ...more });
const apq = (url, fetcher, more = {}) =>
  ApolloLink.from([new PersistedQueryLink({ sha256: (text) => sha256(text), ...more }), http(url, fetcher)]);

/** The first `most` results of a subscription. */
const first = (one, most, variables) =>
  new Promise((done, fail) => {
    const found = [];
    const running = one.subscribe({ query: LIVE, variables }).subscribe({
      next: (result) => {
        if (result.error) return fail(result.error);
        found.push(Number(result.data.batchEvents.seq));
        if (found.length === most) {
          running.unsubscribe();
          done(found);
        }
      },
      error: fail,
      complete: () => done(found),
    });
  });

await check('HTTP: a query, normalised in the cache', async () => {
  const one = client(http(DEVELOPMENT));
  const { data } = await one.query({ query: ALERTS, variables: { first: 3 } });
  assert.equal(data.alerts.nodes.length, 3);
  const kept = one.cache.extract();
  assert.ok(Object.keys(kept).some((key) => key.startsWith('Alert:')) && Object.keys(kept).some((key) => key.startsWith('Dealer:')));
});
await check('HTTP: the node interface by a fragment', async () => {
  const one = client(http(DEVELOPMENT), { cache: new InMemoryCache({ possibleTypes: { Node: ['Alert'] } }) });
  const { data } = await one.query({ query: ALERTS, variables: { first: 1 } });
  const found = await one.query({ query: gql`query One($id: ID!) { node(id: $id) { id ... on Alert { status } } }`, variables: { id: data.alerts.nodes[0].id } });
  assert.equal(found.data.node.status, data.alerts.nodes[0].status);
});
await check('HTTP: a mutation and its typed refusals', async () => {
  const mutate = gql`mutation Make($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code field } } }`;
  const { data } = await client(http(DEVELOPMENT)).mutate({ mutation: mutate, variables: { input: { kind: 'FOLLOW_UP', title: '' } } });
  assert.deepEqual(data.taskCreate.userErrors.map((each) => ({ code: each.code, field: each.field })), [{ code: 'REQUIRED', field: ['title'] }]);
});
await check('HTTP: an error has its code; data beside it survive', async () => {
  const one = client(http(DEVELOPMENT, fetch, { headers: bearer('SALES') }), { defaultOptions: { query: { errorPolicy: 'all' } } });
  const { data, error } = await one.query({ query: gql`query { viewer { role } auditEvents(first: 1) { nodes { id } } }` });
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual([data.viewer.role, error.errors[0].extensions.code], ['SALES', 'FORBIDDEN']);
});
await check('HTTP: a validation error is a GraphQL error, not a broken connection', async () => {
  await assert.rejects(client(http(DEVELOPMENT)).query({ query: gql`query { nothing }` }), (error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === 'BAD_REQUEST');
});
await check('HTTP: a query by GET', async () => {
  const { seen, fetcher } = spy();
  await client(http(DEVELOPMENT, fetcher, { useGETForQueries: true })).query({ query: ALERTS, variables: { first: 2 } });
  assert.deepEqual([seen[0].method, seen[0].status], ['GET', 200]);
});
await check('HTTP: pages merge by cursor', async () => {
  const one = client(http(DEVELOPMENT));
  const query = gql`query Page($after: String) { listings(first: 5, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`;
  const page = async (after) => (await one.query({ query, variables: { after }, fetchPolicy: 'no-cache', context: { headers: bearer('ADMIN', 'pahiyaa') } })).data.listings;
  const a = await page(null);
  const b = await page(a.pageInfo.endCursor);
  assert.equal(new Set([...a.nodes, ...b.nodes].map((each) => each.id)).size, 10);
});
await check('WebSocket: a query and a subscription', async () => {
  const socket = createClient({ url: socketOf(DEVELOPMENT), webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${tokenOf('OPS')}` } });
  const one = client(new GraphQLWsLink(socket));
  assert.equal((await one.query({ query: gql`query { viewer { role } }` })).data.viewer.role, 'OPS');
  assert.deepEqual(await first(one, 3, { batchId, after: '2' }), [3, 4, 5]);
  await socket.dispose();
});
await check('HTTP: a multipart subscription', async () => {
  const { seen, fetcher } = spy();
  assert.deepEqual(await first(client(http(DEVELOPMENT, fetcher)), 3, { batchId, after: '2' }), [3, 4, 5]);
  assert.match(seen[0].accept, /multipart\/mixed/);
});
for (const get of [false, true]) {
  const by = get ? 'GET' : 'POST';
  await check(`APQ by ${by}: unknown, registered, then by hash alone`, async () => {
    const { seen, fetcher } = spy();
    const query = gql(`query Apq${by}${Date.now()} { viewer { role } }`);
    const one = client(apq(DEVELOPMENT, fetcher, { useGETForHashedQueries: get }));
    for (const _ of [1, 2]) {
      const { data } = await one.query({ query, fetchPolicy: 'no-cache' });
      assert.equal(data.viewer.role, 'OPS');
    }
    const withText = seen.map((each) => `${each.body ?? ''}${each.url}`.includes('query+') || JSON.stringify(each.body ?? '').includes('viewer'));
    assert.deepEqual([seen.length, withText], [3, [false, true, false]]);
    assert.equal(seen[2].method, by);
  });
}
const manifest = () => JSON.parse(readFileSync(new URL('../.out/apollo-manifest.json', import.meta.url), 'utf8'));
await check("Apollo's manifest is made and pushed as it is", async () => {
  execFileSync('node_modules/.bin/generate-persisted-query-manifest', ['--config', 'persisted-query-manifest.config.json'], { stdio: 'pipe' });
  assert.equal(manifest().format, 'apollo-persisted-query-manifest');
  const push = 'mutation P($input: OperationManifestPushInput!) { operationManifestPush(input: $input) { operationManifest { documents } userErrors { message } } }';
  const pushed = await post(DEVELOPMENT, { query: push, variables: { input: { clientApp: 'apollo', clientVersion: String(Date.now()), manifest: manifest() } } }, bearer('OWNER'));
  assert.deepEqual(pushed.json.data.operationManifestPush, { operationManifest: { documents: 2 }, userErrors: [] });
});
await check('a client with a manifest sends hashes alone, by POST and GET, in production', async () => {
  for (const get of [false, true]) {
    const { seen, fetcher } = spy();
    const ids = generatePersistedQueryIdsFromManifest({ loadManifest: async () => manifest() });
    const link = ApolloLink.from([new PersistedQueryLink({ ...ids, useGETForHashedQueries: get }), http(PRODUCTION, fetcher)]);
    const one = client(link);
    const { data } = await one.query({ query: sources.WALL, variables: { first: 2 } });
    assert.deepEqual([data.viewer.role, data.alerts.nodes.length, seen.length, seen[0].method], ['OPS', 2, 1, get ? 'GET' : 'POST']);
    const made = await one.mutate({ mutation: sources.TASK, variables: { input: { kind: 'FOLLOW_UP', title: 'By hash' } } });
    assert.equal(made.data.taskCreate.task.status, 'TODO');
    assert.ok(seen.every((each) => !`${each.body ?? ''}`.includes('"query"')));
  }
});
await check('APQ in production: another document is refused, and the client told so', async () => {
  const query = gql`query NobodyRegisteredThis { viewer { role } }`;
  await assert.rejects(client(apq(PRODUCTION, fetch)).query({ query }), (error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === 'PERSISTED_QUERY_REQUIRED');
});
await check('HTTP in production: a shipped document by its text', async () => {
  const response = await fetch(PRODUCTION, { method: 'POST', headers: { 'content-type': 'application/json', ...bearer() }, body: JSON.stringify({ query: SHIPPED.AlertList.text, variables: { first: 1 } }) });
  assert.equal((await response.json()).data.alerts.nodes.length, 1);
  assert.ok(print(gql(SHIPPED.AlertList.text)));
});
finish('Apollo Client 4');

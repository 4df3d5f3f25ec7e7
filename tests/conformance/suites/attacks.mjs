// What attackers send: each is refused with a typed error, in time, and tells nothing of what is inside.
import assert from 'node:assert/strict';
import net from 'node:net';
import WebSocket from 'ws';
import { DEVELOPMENT, PRODUCTION, bearer, check, finish, post, socketOf } from './lib.mjs';

const SERVICE = { authorization: `Bearer ${process.env.SOUK_SERVICE_TOKEN}` };
const INSIDE = /Traceback|\.py\b|postgres|asyncpg|sqlalchemy|strawberry|graphql-core|uvicorn|SELECT |relation "|at 0x/i;
const PATIENCE = 150; // ms that a refusal of a bomb may take

/** A request that must be refused: by which code, in which time, without a word about the inside. */
async function refused(url, body, codes, headers = bearer()) {
  let best = Infinity;
  for (let n = 0; n < 3; n += 1) {
    const began = performance.now();
    const answer = await post(url, body, headers);
    best = Math.min(best, performance.now() - began);
    assert.ok(answer.status < 500, `status ${answer.status}`);
    assert.doesNotMatch(answer.text, INSIDE);
    assert.ok(answer.json?.errors?.length, answer.text.slice(0, 200));
    assert.ok(codes.includes(answer.json.errors[0].extensions.code), JSON.stringify(answer.json.errors[0]));
  }
  assert.ok(best <= PATIENCE, `${Math.round(best)} ms`);
}
const COMPLEX = ['QUERY_TOO_COMPLEX'];
const BAD = ['BAD_REQUEST'];
const both = [...COMPLEX, ...BAD];
const times = (n, text) => Array.from({ length: n }, (_, i) => text(i)).join(' ');
const nested = (n, open, inner) => open.repeat(n) + inner + ' }'.repeat(n);

const bombs = {
  '31 aliases': [`{ ${times(31, (n) => `a${n}: __typename`)} }`, COMPLEX],
  '1,000 aliases of a list': [`{ ${times(1000, (n) => `a${n}: listings(first: 100) { nodes { id } }`)} }`, COMPLEX],
  'aliases in a fragment, spread often': [`{ ${times(10, () => '...F')} } fragment F on Query { ${times(20, (n) => `a${n}: __typename`)} }`, COMPLEX],
  'levels': [nested(14, '{ viewer { user { memberships ', '{ id }').replace(/^/, 'query D '), both],
  '2,000 levels': [`{ ${nested(2000, 'viewer { ', 'role')} }`, both],
  'brackets without an end': ['{'.repeat(20_000), both],
  'a list value nested 5,000 deep': [`{ search(query: ${'['.repeat(5000)}${']'.repeat(5000)}) { type } }`, both],
  'a fragment that spreads itself': ['{ ...F } fragment F on Query { ...F }', BAD],
  'two fragments that spread each other': ['{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', BAD],
  'fragments that multiply': [`{ ...F0 } ${times(25, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F25 on Query { __typename }`, both],
  '1,000 fragments': [`{ __typename } ${times(1000, (n) => `fragment F${n} on Query { __typename }`)}`, both],
  '500 directives on one field': [`{ __typename ${times(500, () => '@skip(if: false)')} }`, both],
  '3,000 unknown directives': [`{ __typename ${times(3000, (n) => `@d${n}`)} }`, both],
  '5,000 fields in one selection': [`{ ${times(5000, () => '__typename')} }`, both],
  '30,000 tokens': [`{ ${times(30_000, () => '__typename')} }`, both],
  'fields that overlap in a square': [`{ ${times(190, (n) => `viewer { role: __typename }`)} }`, both],
  'a wide and deep query': ['{ listings(first: 100) { nodes { offers(first: 100) { nodes { revisions(first: 100) { nodes { id } } } } } } }', COMPLEX],
  'six mutations at once': [`mutation { ${times(6, (n) => `a${n}: taskCreate(input: {kind: FOLLOW_UP, title: "x"}) { userErrors { code } }`)} }`, COMPLEX],
  'variables by the hundred': [`query(${times(900, (n) => `$v${n}: Int`)}) { __typename }`, both],
};
for (const [name, [query, codes]] of Object.entries(bombs)) {
  await check(`development: ${name}`, () => refused(DEVELOPMENT, { query }, codes));
  await check(`production, a service: ${name}`, () => refused(PRODUCTION, { query }, codes, SERVICE));
}
await check('a page size in a variable counts', async () => {
  const query = 'query($n: Int) { listings(first: $n) { nodes { offers(first: $n) { nodes { revisions(first: $n) { nodes { id } } } } } } }';
  await refused(DEVELOPMENT, { query, variables: { n: 100 } }, COMPLEX);
});
await check('a small question is still answered within 100 ms', async () => {
  let best = Infinity;
  for (let n = 0; n < 5; n += 1) {
    const began = performance.now();
    assert.equal((await post(DEVELOPMENT, { query: '{ __typename }' }, bearer())).json.data.__typename, 'Query');
    best = Math.min(best, performance.now() - began);
  }
  assert.ok(best < 100, `${best} ms`);
});

await check('a batch of operations', () => refused(DEVELOPMENT, [{ query: '{ __typename }' }, { query: '{ __typename }' }], BAD));
await check('a batch in production', () => refused(PRODUCTION, [{ query: '{ __typename }' }], BAD, SERVICE));
await check('introspection in production', async () => {
  for (const query of ['{ __schema { types { name } } }', '{ __type(name: "Query") { name } }', '{ ...F } fragment F on Query { s: __schema { queryType { name } } }', '{ viewer { role } __schema { types { name } } }'])
    await refused(PRODUCTION, { query }, ['OPERATION_NOT_ALLOWED'], SERVICE);
});
await check('introspection in production by those who send registered documents only', () => refused(PRODUCTION, { query: '{ __schema { types { name } } }' }, ['PERSISTED_QUERY_REQUIRED', 'OPERATION_NOT_ALLOWED']));
await check('no suggestions in production', async () => {
  for (const query of ['{ listingz { nodes { id } } }', '{ listings(fist: 1) { nodes { id } } }', '{ listings(filter: {statuz: [ACTIVE]}) { nodes { id } } }', '{ listings(filter: {status: [ACTVE]}) { nodes { id } } }', 'query($f: ListngFilter) { listings(filter: $f) { nodes { id } } }', '{ listings { nodes { ... on Listng { id } } } }']) {
    const { text } = await post(PRODUCTION, { query }, SERVICE);
    assert.doesNotMatch(text, /Did you mean|'listings'|'status'|'Listing'/, text);
  }
});
await check('suggestions in production do not come by variables', async () => {
  const { text } = await post(PRODUCTION, { query: 'query($f: ListingFilter) { listings(filter: $f) { nodes { id } } }', variables: { f: { statuz: ['ACTIVE'] } } }, SERVICE);
  assert.doesNotMatch(text, /Did you mean/i);
});
await check('no page and no assets in production', async () => {
  const page = await fetch(PRODUCTION, { headers: { accept: 'text/html', ...bearer() } });
  assert.notEqual(page.headers.get('content-type')?.split(';')[0], 'text/html');
});

const ADD = 'mutation { taskCreate(input: {kind: FOLLOW_UP, title: "smuggled"}) { task { id } } }';
const tasks = async () => (await post(DEVELOPMENT, { query: '{ tasks(first: 100) { nodes { title } } }' }, bearer())).json.data.tasks.nodes.filter((each) => each.title === 'smuggled').length;
const raw = async (init, path = '') => {
  const response = await fetch(DEVELOPMENT + path, { redirect: 'manual', ...init });
  const text = init.method === 'HEAD' ? '' : await response.text();
  assert.ok(response.status >= 400 && response.status < 500, `status ${response.status} ${text.slice(0, 120)}`);
  assert.doesNotMatch(text, INSIDE);
  return response;
};
const query = (text) => `?query=${encodeURIComponent(text)}`;
await check('a mutation by GET', async () => {
  assert.equal((await raw({ headers: bearer() }, query(ADD))).status, 405);
  const two = `query Q { __typename } ${ADD.replace('mutation', 'mutation M')}`;
  assert.equal((await raw({ headers: bearer() }, `${query(two)}&operationName=M`)).status, 405);
});
await check('a mutation by GET with an overridden method', async () => {
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) await raw({ headers: { ...bearer(), [name]: 'POST' } }, query(ADD));
  await raw({ headers: bearer() }, `${query(ADD)}&_method=POST`);
});
await check('other methods', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD', 'QUERY']) {
    const response = await raw({ method, headers: { ...bearer(), 'content-type': 'application/json' }, ...(method === 'HEAD' ? {} : { body: JSON.stringify({ query: ADD }) }) });
    assert.equal(response.status, 405);
    assert.match(response.headers.get('allow'), /GET, POST/);
  }
});
await check('what a form of another site can send', async () => {
  const json = JSON.stringify({ query: ADD });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain; a=application/json', 'application/json-x', 'application/jsonp', 'text/json'])
    assert.equal((await raw({ method: 'POST', headers: { ...bearer(), 'content-type': type }, body: json })).status, 415);
  await raw({ method: 'POST', headers: bearer(), body: new URLSearchParams({ query: ADD }) });
  await raw({ method: 'POST', headers: { ...bearer(), 'content-type': '' }, body: json });
});
await check('a page of another site', async () => {
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
    assert.equal((await raw({ method: 'POST', headers: { ...bearer(), 'content-type': 'application/json', origin }, body: JSON.stringify({ query: ADD }) })).status, 403);
});
await check('a socket of another site', async () => {
  const status = await new Promise((done, fail) => {
    const socket = new WebSocket(socketOf(DEVELOPMENT), 'graphql-transport-ws', { origin: 'https://evil.example' });
    socket.on('unexpected-response', (_, response) => done(response.statusCode));
    socket.on('open', () => fail(new Error('it opened')));
    socket.on('error', () => {});
  });
  assert.equal(status, 403);
});
await check('a cookie without the preflight header changes nothing', async () => {
  const { json } = await post(DEVELOPMENT, { query: ADD }, { cookie: `souk=${bearer().authorization.slice(7)}; __Host-souk=${bearer().authorization.slice(7)}` });
  assert.ok(json.errors?.length);
});
await check('two lengths, and a length beside chunks', async () => {
  const { hostname, port } = new URL(DEVELOPMENT);
  const talk = (text) => new Promise((done) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    let heard = '';
    socket.on('data', (part) => (heard += part));
    socket.on('close', () => done(heard));
    socket.on('error', () => done(heard));
    setTimeout(() => socket.destroy(), 2000);
  });
  const body = JSON.stringify({ query: ADD });
  const head = `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${bearer().authorization}\r\nContent-Type: application/json\r\n`;
  for (const more of [`Content-Length: ${body.length}\r\nContent-Length: 5\r\n\r\n${body}`, `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, `Transfer-Encoding: xchunked\r\n\r\n${body}`]) {
    const heard = await talk(head + more);
    assert.doesNotMatch(heard, /"data"/);
    assert.doesNotMatch(heard, INSIDE);
  }
});
await check('nothing was smuggled in', async () => assert.equal(await tasks(), 0));

await check('bodies that are none', async () => {
  for (const body of ['', '{', 'null', '1', '"x"', '[]', '{"query":null}', '{"query":7}', `{"query":"{ __typename }","variables":[]}`, `{"query":"{ __typename }","variables":${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}}`, `{"query":"{ __typename }","variables":{"n":${'9'.repeat(5000)}}}`, '{"query":"{ __typename }\\u0000"}', '{"query":"\\ud800"}'])
    await refused(DEVELOPMENT, body, ['BAD_REQUEST', 'BAD_USER_INPUT']);
});
await check('a body that is too long', async () => assert.equal((await raw({ method: 'POST', headers: { ...bearer(), 'content-type': 'application/json' }, body: JSON.stringify({ query: '#'.repeat(300_000) }) })).status, 413));
await check('a compressed body', async () => assert.equal((await raw({ method: 'POST', headers: { ...bearer(), 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: 'x' })).status, 415));
await check('ids, cursors and numbers that are none', async () => {
  for (const given of ['{ node(id: "x") { id } }', '{ listing(id: "TGlzdGluZzow") { id } }', '{ listings(first: 0) { nodes { id } } }', '{ listings(first: -1) { nodes { id } } }', '{ listings(first: 101) { nodes { id } } }', '{ listings(after: "x") { nodes { id } } }', '{ listings(first: 99999999999) { nodes { id } } }', "{ search(query: \"' OR 1=1 --\") { type } }", '{ search(query: "\\u0000") { type } }']) {
    const { status, text } = await post(DEVELOPMENT, { query: given }, bearer());
    assert.ok(status < 500, `${given}: ${status}`);
    assert.doesNotMatch(text, INSIDE, given);
    assert.doesNotMatch(text, /"INTERNAL"/, given);
  }
});
await check('a header tells no version', async () => {
  const { headers } = await post(PRODUCTION, { query: '{ __typename }' });
  for (const name of ['server', 'x-powered-by']) assert.equal(headers.get(name), null);
});
finish('attacks');

// Relay's compiler on the schema: connections, refetchable fragments, a mutation, a subscription; and its persisted file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DEVELOPMENT, PRODUCTION, bearer, check, finish, post } from './lib.mjs';

const OUT = new URL('../.out/', import.meta.url).pathname;
rmSync(`${OUT}relay`, { recursive: true, force: true });
rmSync(`${OUT}relay-persisted.json`, { force: true });
mkdirSync(`${OUT}relay`, { recursive: true });
writeFileSync(`${OUT}relay-persisted.json`, '{}');

let compiled = '';
await check('the compiler takes the schema, a connection, refetchable fragments, a mutation and a subscription', async () => {
  compiled = execFileSync('node_modules/.bin/relay-compiler', ['relay.config.json'], { encoding: 'utf8', stdio: 'pipe' });
  assert.match(compiled, /Compilation completed/);
});
const persisted = JSON.parse(readFileSync(`${OUT}relay-persisted.json`, 'utf8'));
const by = (name) => Object.entries(persisted).find(([, text]) => new RegExp(`(query|mutation|subscription) ${name}\\b`).test(text));

await check('each operation is persisted under its SHA-256', async () => {
  assert.equal(Object.keys(persisted).length, 5);
  assert.ok(Object.keys(persisted).every((key) => /^[0-9a-f]{64}$/.test(key)));
});
await check('every compiled operation is answered in development', async () => {
  const page = await post(DEVELOPMENT, { query: by('DeskQuery')[1], variables: { first: 2, after: null } }, bearer());
  assert.equal(page.json.data.alerts.edges.length, 2);
  const { cursor, node } = page.json.data.alerts.edges[1];
  const next = await post(DEVELOPMENT, { query: by('DeskAlertsPaginationQuery')[1], variables: { first: 2, after: cursor } }, bearer());
  assert.ok(next.json.data.alerts.edges.every((each) => each.node.id !== node.id));
  const again = await post(DEVELOPMENT, { query: by('DeskAlertRefetchQuery')[1], variables: { id: node.id } }, bearer());
  assert.equal(again.json.data.node.id, node.id);
  const made = await post(DEVELOPMENT, { query: by('DeskTaskCreateMutation')[1], variables: { input: { kind: 'FOLLOW_UP', title: 'Relay' } } }, bearer());
  assert.deepEqual([made.json.data.taskCreate.task.title, made.json.data.taskCreate.userErrors], ['Relay', []]);
});
await check('its persisted file is pushed as it is, and answered by hash in production', async () => {
  const push = 'mutation P($input: OperationManifestPushInput!) { operationManifestPush(input: $input) { operationManifest { documents } userErrors { message } } }';
  const given = { clientApp: 'relay', clientVersion: String(Date.now()), manifest: persisted };
  const pushed = await post(DEVELOPMENT, { query: push, variables: { input: given } }, bearer('OWNER'));
  assert.deepEqual(pushed.json.data.operationManifestPush, { operationManifest: { documents: 5 }, userErrors: [] });
  const found = await post(PRODUCTION, { documentId: `sha256:${by('DeskQuery')[0]}`, variables: { first: 1, after: null } }, bearer());
  assert.equal(found.json.data.alerts.edges.length, 1);
});
finish("Relay's compiler");

// graphql-codegen's client preset: generated, compiled strictly, its manifest pushed, and run by hash in production.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { DEVELOPMENT, bearer, check, finish, post, tokenOf } from './lib.mjs';

const OUT = new URL('../.out/', import.meta.url).pathname;
const run = (program, ...given) => execFileSync(`node_modules/.bin/${program}`, given, { encoding: 'utf8', stdio: 'pipe' });
rmSync(`${OUT}codegen`, { recursive: true, force: true });
rmSync(`${OUT}typed`, { recursive: true, force: true });

const loud = (work) => {
  try {
    return work();
  } catch (error) {
    throw new Error(`${error.stdout ?? ''}${error.stderr ?? ''}` || error.message);
  }
};
await check('the typed client is generated', async () => {
  loud(() => run('graphql-codegen', '--config', 'codegen/codegen.yml', '--silent'));
});
await check('it compiles strictly', async () => {
  loud(() => run('tsc', '--project', 'codegen/tsconfig.json'));
});
await check('its manifest is pushed as it is', async () => {
  const manifest = JSON.parse(readFileSync(`${OUT}codegen/persisted-documents.json`, 'utf8'));
  const push = 'mutation P($input: OperationManifestPushInput!) { operationManifestPush(input: $input) { operationManifest { documents } userErrors { message } } }';
  const given = { clientApp: 'codegen', clientVersion: String(Date.now()), manifest };
  const pushed = await post(DEVELOPMENT, { query: push, variables: { input: given } }, bearer('OWNER'));
  assert.deepEqual(pushed.json.data.operationManifestPush, { operationManifest: { documents: 4 }, userErrors: [] });
});
await check('it works by hash alone, in production', async () => {
  const env = { ...process.env, SOUK_TOKEN: tokenOf('OPS') };
  loud(() => run('esbuild', 'codegen/client.ts', '--bundle', '--platform=node', '--format=esm', `--outfile=${OUT}client.mjs`, '--log-level=error'));
  loud(() => execFileSync('node', [`${OUT}client.mjs`], { env, encoding: 'utf8', stdio: 'pipe' }));
});
finish('graphql-codegen');

// graphql-http's audits of GraphQL over HTTP: all of them in development; in production those whose documents, if they
// send any, are registered.
import { serverAudits } from 'graphql-http';
import { DEVELOPMENT, PRODUCTION, bearer, finish, record } from './lib.mjs';

const REGISTERED = new Set(JSON.parse(process.env.SOUK_REGISTERED));

/** What a request names as its document; undefined where there is none to be registered. */
function documentOf(url, init) {
  const inUrl = new URL(url).searchParams.get('query');
  if (inUrl !== null) return inUrl;
  try {
    const { query } = JSON.parse(init.body);
    return typeof query === 'string' ? query : undefined;
  } catch {
    return undefined;
  }
}

async function run(suite, url, only) {
  let sent = [];
  const fetchFn = (to, init = {}) => {
    sent.push(documentOf(to, init));
    return fetch(to, { ...init, headers: { ...init.headers, ...bearer() } });
  };
  let passed = 0;
  for (const audit of serverAudits({ url, fetchFn })) {
    sent = [];
    const result = await audit.fn();
    if (only && !sent.every((document) => document === undefined || only.has(document))) continue;
    passed += 1;
    const reason = result.status === 'ok' ? '' : `${result.status}: ${result.reason}`;
    record(`${suite}: ${audit.id} ${audit.name}`, result.status === 'ok', reason);
  }
}

await run('development', DEVELOPMENT);
await run('production', PRODUCTION, REGISTERED);
finish('graphql-http audits');

// A typed client: what is wrong with the schema's types does not compile, what is wrong with the answers fails.
import assert from 'node:assert/strict';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { CodegenAlertsDocument, CodegenContactsDocument, CodegenTaskDocument } from '../.out/codegen/graphql';
import type { CodegenAlertFragment, TaskCreateInput } from '../.out/codegen/graphql';

type Persisted = { __meta__?: { hash: string } };

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const hash = (document as unknown as Persisted).__meta__?.hash;
  const response = await fetch(process.env['SOUK_PRODUCTION']!, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${process.env['SOUK_TOKEN']}` },
    body: JSON.stringify({ documentId: hash, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  assert.equal(errors, undefined);
  return data;
}

const found = await ask(CodegenAlertsDocument, { first: 3 });
const alerts: readonly CodegenAlertFragment[] = found.alerts!.nodes;
const amounts: string[] = alerts.map((each) => each.price.amount);
assert.equal(amounts.length, 3);
assert.ok(amounts.every((each) => /^\d+\.\d\d$/.test(each)));
assert.equal(found.viewer!.role satisfies 'OPS' | string, 'OPS');

const input: TaskCreateInput = { kind: 'FOLLOW_UP', title: 'Typed' };
const made = await ask(CodegenTaskDocument, { input });
assert.equal(made.taskCreate!.task!.status, 'TODO');

const contacts = await ask(CodegenContactsDocument, {});
for (const { contact } of contacts.leads!.nodes) {
  if (contact.__typename === 'LeadContactLocked') {
    const reason: string = contact.reason;
    assert.ok(reason);
  } else {
    assert.ok(contact.phone === null || contact.phone.startsWith('+'));
  }
}

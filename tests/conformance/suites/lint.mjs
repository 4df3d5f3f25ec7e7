// graphql-eslint: schema-recommended and Relay's rules; each rule is a case.
import { ESLint } from 'eslint';
import config from '../eslint.config.mjs';
import { finish, record } from './lib.mjs';

const [result] = await new ESLint({ overrideConfigFile: 'eslint.config.mjs' }).lintFiles(['.out/schema.graphql']);
for (const rule of Object.keys(config[0].rules)) {
  const told = result.messages.filter((each) => each.ruleId === rule);
  record(rule, told.length === 0, told.slice(0, 8).map((each) => `${each.line}: ${each.message}`).join('; '));
}
for (const each of result.messages.filter((one) => one.ruleId === null)) record('parse', false, each.message);
finish('graphql-eslint');

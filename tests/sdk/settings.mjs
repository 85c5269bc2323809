// Reads a settings document as @segment/analytics-react-native does and says what it makes of it.
//
//   node settings.mjs    standard input: the document, output: {"warnings", "host", "httpConfig"}

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { validateIntegrations, extractHttpConfig } = require(
  '@segment/analytics-react-native/lib/commonjs/config-validation',
);
const { validateApiHost } = require('@segment/analytics-react-native/lib/commonjs/util');

let input = '';
for await (const piece of process.stdin) input += piece;

const warnings = [];
const logger = { warn: (text) => warnings.push(text) };
const integrations = validateIntegrations(JSON.parse(input), logger);
const segment = integrations['Segment.io'];
const told = {
  host: validateApiHost(segment.apiHost) ? segment.apiHost : null,
  httpConfig: extractHttpConfig(segment.httpConfig, logger),
  warnings,
};
process.stdout.write(JSON.stringify(told));

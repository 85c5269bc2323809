// Sends events through one SDK to several addresses at once and says what the SDK reported.
//
//   node send.mjs <sdk>    standard input: [{"name", "url", "writeKey", "events"}], output: {name: [error, …]}
//
// Options are those that each SDK documents; `events` numbered calls are made and waited for.

import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const BATCH = 10;

const SDKS = { 'segment-node': segmentNode, 'rudder-node': rudderNode, 'react-native': reactNative };

async function segmentNode({ url, writeKey, events }) {
  const { Analytics } = require('@segment/analytics-node');
  const errors = [];
  const analytics = new Analytics({ writeKey, host: url, flushAt: BATCH, flushInterval: 100 });
  analytics.on('error', (error) => errors.push(String(error.reason ?? error)));
  for (let number = 0; number < events; number += 1) {
    analytics.track({ userId: 'M-1001', event: '来店', properties: { number } });
  }
  await analytics.closeAndFlush({ timeout: 100_000 });
  return errors;
}

async function rudderNode({ url, writeKey, events }) {
  const RudderAnalytics = require('@rudderstack/rudder-sdk-node');
  const errors = [];
  const client = new RudderAnalytics(writeKey, {
    dataPlaneUrl: url,
    flushAt: BATCH,
    flushInterval: 100,
    logLevel: 'none',
    errorHandler: (error) => errors.push(String(error)),
  });
  const told = [];
  for (let number = 0; number < events; number += 1) {
    told.push(
      new Promise((resolve) => {
        client.track({ userId: 'M-1001', event: '来店', properties: { number } }, resolve);
      }),
    );
  }
  await Promise.all(told);
  return errors;
}

async function reactNative({ url, writeKey, events }) {
  const { createClient, ErrorType } = require('@segment/analytics-react-native');
  const errors = [];
  const client = createClient({
    writeKey,
    proxy: `${url}/v1`,
    cdnProxy: `${url}/v1`,
    useSegmentEndpoints: true,
    allowInsecureProxy: true,
    maxBatchSize: BATCH,
    flushInterval: 0,
    flushAt: 1_000,
    debug: false,
    // A failed try is told too; only what was given up is lost.
    errorHandler: (error) => error.type === ErrorType.EventsDropped && errors.push(error.message),
  });
  while (!client.isReady.value) await sleep(10);
  for (let number = 0; number < events; number += 1) await client.track('来店', { number });
  do {
    await client.flush();
    await sleep(50);
  } while ((await client.pendingEvents()) > 0);
  client.cleanup();
  return errors;
}

let input = '';
for await (const piece of process.stdin) input += piece;
const send = SDKS[process.argv[2]];
const told = await Promise.all(JSON.parse(input).map(async (job) => [job.name, await send(job)]));
process.stdout.write(JSON.stringify(Object.fromEntries(told)));

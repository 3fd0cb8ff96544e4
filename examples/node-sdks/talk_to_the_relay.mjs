// Businesses that know nothing of Bulla talk to their relay.
//
// Each is a client as published, with its own part for webhooks and its own check of signatures; only the address of the Graph API
// is another. The relay is `embedded_relay --serve`, with one user on the far side of the Signal protocol. Prints a line for each
// check, and how many there were.
//
//     node talk_to_the_relay.mjs --relay ../../target/release/embedded_relay
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Relay, freePort } from './relay.mjs';

const { values: { relay, client: only } } = parseArgs({ options: { relay: { type: 'string' }, client: { type: 'string' } } });
const here = import.meta.dirname;

/** Runs the program of a client, and gives back what it counted. One that ends before it has counted has failed once. */
async function run(client, folder, env = {}) {
  console.log(`\n${client}`);
  const child = fork(path.join(here, `${client}.mjs`), [relay, folder], { env: { ...process.env, ...env } });
  let count = { passed: 0, failed: 1 };
  child.on('message', (told) => { count = told; });
  await new Promise((resolve) => { child.on('exit', resolve); });
  return count;
}

/** Has the certificate made for which the relay speaks TLS: a client has to know its authority before it starts. */
async function certificate(folder) {
  const first = new Relay(relay, await freePort(), ['--tls', 'localhost', '--data', folder]);
  await first.ready();
  await first.interrupt();
  return path.join(folder, 'api-tls', 'authority.pem');
}

const folder = await mkdtemp(path.join(tmpdir(), 'sdks-'));
const total = { passed: 0, failed: 0 };
try {
  for (const client of ['kapso', 'official', 'chat_adapter']) {
    if (only && client !== only) continue;
    const data = path.join(folder, client);
    const env = client === 'kapso' ? {} : { NODE_EXTRA_CA_CERTS: await certificate(data) };
    const count = await run(client, data, env);
    total.passed += count.passed;
    total.failed += count.failed;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed || !total.passed ? 1 : 0;

// What the programs of the clients share: the relay as a child process, the server its updates come to, and the counting of checks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createServer as listen } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

export const PHONE_NUMBER_ID = '106540352242922';
export const BUSINESS_ACCOUNT_ID = '102290129340398';
export const USER = '16505551234';
export const TOKEN = 'a-token-of-the-business';
export const VERIFY_TOKEN = 'a-word-agreed-on';
export const APP_SECRET = 'a-secret-of-the-app';
export const GREETING = 'hello from the user';
const DEADLINE_MS = 20_000, LOOK_MS = 10;

// What follows a message that reaches its reader. A reaction is only ever reported as sent.
export const TO_THE_END = ['sent', 'delivered', 'read'];
export const OF_A_REACTION = ['sent'];

/** Waits until `found` finds something, and gives it back. */
export async function until(found, what, deadline = DEADLINE_MS) {
  for (const end = Date.now() + deadline; Date.now() < end; await pause(LOOK_MS)) {
    const it = await found();
    if (it) return it;
  }
  assert.fail(`within ${deadline / 1000} s: ${what()}`);
}

export async function freePort() {
  const probe = listen();
  await new Promise((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
  const { port } = probe.address();
  await new Promise((resolve) => { probe.close(resolve); });
  return port;
}

/** The example program as a child process; its user speaks through standard input. */
export class Relay {
  lines = [];

  constructor(binary, port, options) {
    this.port = port;
    this.child = spawn(binary, [
      '--serve', '--listen', `127.0.0.1:${port}`, '--token', TOKEN, '--phone-number-id', PHONE_NUMBER_ID,
      '--business-account-id', BUSINESS_ACCOUNT_ID, '--verify-token', VERIFY_TOKEN, '--app-secret', APP_SECRET,
      '--user', `+${USER}`, ...options,
    ]);
    this.ended = new Promise((resolve) => { this.child.on('close', resolve); });
    for (const output of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: output }).on('line', (line) => this.lines.push(line));
    }
    process.on('exit', () => this.child.kill());
  }

  async ready() {
    const isReady = () => this.lines.some((line) => line.startsWith('ready'));
    await until(() => isReady() || this.child.exitCode !== null, () => `no line says that it is ready: ${this.lines}`);
    if (!isReady()) throw new Error(`it has ended with ${this.child.exitCode}: ${this.lines.join('\n')}`);
  }

  /** Waits until the user's device shows `part`. */
  shows(part) {
    const isIt = (line) => line.startsWith(`${USER} <- `) && line.includes(part);
    return until(() => this.lines.some(isIt), () => `no line has ${part}: ${this.lines.slice(-10).join('\n')}`);
  }

  userWrites(text) {
    this.child.stdin.write(`${USER} ${text}\n`);
  }

  interrupt() {
    this.child.kill('SIGINT');
    return this.ended;
  }
}

/** The server that updates are posted to, in front of a client's own part: a function from a `Request` to a `Response`. */
export class Webhook {
  deliveries = [];
  messages = [];
  statuses = [];
  sent = new Map();

  constructor(port, take) {
    this.url = `http://127.0.0.1:${port}/webhook`;
    this.take = take;
    this.server = createServer((request, response) => this.answer(request, response));
  }

  listen() {
    return new Promise((resolve) => { this.server.listen(new URL(this.url).port, '127.0.0.1', resolve); });
  }

  async answer(request, response) {
    const { method, url, headers } = request;
    const body = method === 'GET' ? undefined : Buffer.concat(await request.toArray());
    const taken = await this.take(new Request(new URL(url, this.url), { method, headers, body }));
    if (body && taken.ok) this.note(body);
    response.writeHead(taken.status).end(await taken.text());
  }

  note(body) {
    const update = JSON.parse(body);
    this.deliveries.push(body);
    for (const { changes } of update.entry) {
      for (const { value } of changes) {
        this.messages.push(...value.messages ?? []);
        this.statuses.push(...value.statuses ?? []);
      }
    }
  }

  async next(seen) {
    await until(() => this.messages.length > seen, () => `only ${seen} messages came`);
    return this.messages[seen];
  }

  statusesOf(id) {
    return this.statuses.filter((status) => status.id === id).map(({ status }) => status);
  }

  /** Waits for all that is to be told of a message, in its order. */
  async follows(id, expected = TO_THE_END) {
    assert.match(id, /^wamid\./);
    assert(!this.sent.has(id), `the id ${id} was given twice`);
    this.sent.set(id, expected);
    await until(() => this.statusesOf(id).length >= expected.length, () => `only ${this.statusesOf(id)} for ${id}`);
    assert.deepEqual(this.statusesOf(id), expected);
  }

  /** That nothing came but what was expected, and everything as all clients can read it. */
  everythingWasExpected(messages) {
    for (const [id, expected] of this.sent) assert.deepEqual(this.statusesOf(id), expected, id);
    assert.deepEqual(this.statuses.filter(({ id }) => !this.sent.has(id)), []);
    assert.equal(this.messages.length, messages);
    for (const body of this.deliveries) {
      assert(body.every((byte) => byte < 0x80), 'a delivery is not plain ASCII');
      const { entry: [{ changes: [{ value }] }] } = JSON.parse(body);
      assert((value.messages ?? []).length + (value.statuses ?? []).length <= 1, 'a delivery holds more than one update');
    }
  }

  /** Posts a body as the relay would, and tells the status of the answer. */
  async post(body, signature) {
    const headers = { 'Content-Type': 'application/json', ...signature && { 'X-Hub-Signature-256': signature } };
    const response = await this.take(new Request(this.url, { method: 'POST', headers, body }));
    return response.status;
  }
}

/** Answers the handshake for a client that has no part for it. */
export function handshake(request) {
  const asked = new URL(request.url).searchParams;
  return asked.get('hub.verify_token') === VERIFY_TOKEN ? new Response(asked.get('hub.challenge')) : new Response('', { status: 403 });
}

/** A PNG of its first bytes and so many others: nobody between the two ends looks at more. */
export function picture(kilobytes, step = 1) {
  const bytes = Buffer.alloc(kilobytes * 1024);
  for (const place of bytes.keys()) bytes[place] = (place * step) & 0xff;
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), bytes]);
}

/** Makes the checks, one after the other, on a relay from its start to its end; prints a line for each, and hands on how many there were. */
export async function attempt(relay, checks) {
  // Whoever began this is gone.
  process.on('disconnect', () => process.exit(1));
  const count = { passed: 0, failed: 0 };
  const ends = {
    'an interrupt ends the relay in peace': async () => {
      assert.equal(await relay.interrupt(), 0);
      assert.deepEqual(relay.lines.filter((line) => line.includes('panicked')), []);
    },
  };
  for (const [name, check] of Object.entries({ 'the relay gets ready': () => relay.ready(), ...checks, ...ends })) {
    const began = Date.now();
    try {
      await check();
      count.passed += 1;
      console.log(`ok     ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      count.failed += 1;
      console.log(`FAILED ${name}: ${error.stack ?? error}`);
    }
  }
  if (count.failed) console.log(`the relay said:\n${relay.lines.slice(-40).join('\n')}`);
  process.send?.(count, () => process.exit());
}

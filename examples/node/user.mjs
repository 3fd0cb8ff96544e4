// A user's device that knows nothing of Bulla but its `.proto` files: gRPC is grpc-js, the protocol is the official library.
//
//     node user.mjs --carrier localhost:7443 --authority authority.pem --user 16505551234 --business 106540352242922 --state user.json
//
// It is told what to do on the standard input and tells what happens on the standard output, a JSON object a line:
//
//     {"code": "123456"}  {"text": "hello"}  {"text": "yes", "reply_to": ID}  {"emoji": "👍", "on": ID}  {"forget_session": true}
//     {"approve": 2, "identity": KEY}
//     {"wants": "code"}  {"is": "ready", "identity": KEY}  {"listed": 2}  {"sent": ID}  {"got": ID, "text": …}  {"got": ID, "emoji": …, "on": ID}
//     {"progress": "read", "ids": [ID]}  {"asked_for": ID}  {"sent_again": ID}
import { parseArgs } from 'node:util';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import * as S from '@signalapp/libsignal-client';
import { Carrier } from './carrier.mjs';
import { decode, encode } from './content.mjs';
import { Party, newId } from './party.mjs';
import { Envelope, Reason } from './wire.mjs';

const options = { carrier: 'localhost:7443', device: '1' };
for (const name of ['carrier', 'authority', 'user', 'device', 'business', 'state']) options[name] = { type: 'string', default: options[name] };
const { values: asked } = parseArgs({ options });

const MESSAGE = 1, RECEIPT = 2, RETRY = 3;
const SERVICE = 1;
const PROGRESS = ['', 'delivered', 'read', 'played'];
const MOST_AT_ONCE = 64, MOST_RESENDS = 5;
// Of what was had, so many ids are known: what was acknowledged comes again only if the carrier dies soon after.
const MOST_SEEN = 1_000;

const tell = (news) => process.stdout.write(`${JSON.stringify(news)}\n`);
const hex = (id) => Buffer.from(id).toString('hex');
const id = (text) => Buffer.from(text, 'hex');

const party = new Party(asked.state, asked.user, Number(asked.device));
const { state } = party;
const number = Buffer.alloc(8);
number.writeBigUInt64BE(BigInt(asked.business));
const business = Buffer.concat([Buffer.from([1]), Buffer.from('b'), number]);
const peer = S.ProtocolAddress.new(`business ${asked.business}`, 1);
const carrier = new Carrier(asked.carrier, asked.authority, party);

// One thing after the other: a session must not be stepped by two at once.
let last = Promise.resolve();
const inTurn = (act) => { last = last.then(act).catch(fatal); return last; };
function fatal(error) {
  process.stderr.write(`user ${asked.user}: ${error.stack ?? error}\n`);
  process.exit(1);
}

/** Does `act` until the carrier can be reached. */
async function persisted(act) {
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try { return await act(); } catch (error) {
      if (!error.mayPass) throw error;
      await pause(wait * (0.5 + Math.random() / 2));
    }
  }
}

// What goes out.

/** Seals a content into the outbox, in the session there is or in one that it begins. */
async function seal(kind, content, messageId = newId(), attempt = 0) {
  if (!await party.hasSession(peer)) await party.begin(peer, await persisted(() => carrier.keysOf(business)));
  const { plaintext, franking } = encode(content);
  const { form, sealed } = await party.seal(peer, plaintext);
  const envelope = Envelope.encode({
    id: messageId, from: party.address, to: business, kind, category: kind === MESSAGE ? SERVICE : 0, franking, form,
    installation: await party.installationOf(peer), sealed, attempt,
  });
  state.outbox.push({ kind, id: hex(messageId), attempt, content, envelope: envelope.toString('base64') });
  return messageId;
}

async function say(content) {
  const messageId = await seal(MESSAGE, content);
  state.unconfirmed[hex(messageId)] = { content, resends: 0 };
  party.save();
  tell({ sent: hex(messageId) });
  send();
}

let sending = false;
/** Hands over what is in the outbox, in its order; what is not on the disk yet is put there first. */
async function send() {
  if (sending) return;
  sending = true;
  try {
    while (carrier.stream) {
      const lot = await inTurn(() => {
        party.save();
        return state.outbox.slice(0, MOST_AT_ONCE).map(({ envelope }) => Buffer.from(envelope, 'base64'));
      });
      const answer = lot.length ? await carrier.ask('send', { envelopes: lot }) : null;
      if (!answer?.sent) break;
      await inTurn(async () => {
        state.outbox.splice(0, answer.sent.taken);
        const refusal = answer.sent.refusal;
        if (refusal?.reason === Reason.REASON_REINSTALLED) await sealAnew();
        else if (refusal) throw new Error(`not taken: ${JSON.stringify(refusal)}`);
      });
    }
  } finally { sending = false; }
}

/** The business has other keys: what it has not been handed yet is sealed for those. */
async function sealAnew() {
  party.retire(peer);
  for (const { kind, id: messageId, content, attempt } of state.outbox.splice(0)) await seal(kind, content, id(messageId), attempt);
}

// What comes in.

async function take({ epoch, deliveries }) {
  for (const delivery of deliveries) await open(Envelope.decode(delivery.envelope));
  party.save();
  const { number: last } = deliveries.at(-1);
  // Everything on this stream so far, for nothing is ever left out.
  await carrier.ask('acknowledge', { through: last });
  carrier.receive({ epoch, number: last });
  send();
}

async function open(envelope) {
  const messageId = hex(envelope.id);
  if (state.seen[messageId]) return;
  let content;
  try {
    content = decode(await party.open(peer, envelope.form, envelope.sealed), envelope.franking);
  } catch (error) {
    if (envelope.kind === MESSAGE) await askAgain(envelope);
    return;
  }
  state.seen[messageId] = true;
  const ids = Object.keys(state.seen);
  if (ids.length > MOST_SEEN) delete state.seen[ids[0]];
  if (content.kind === 'receipt') {
    for (const confirmed of content.receipt.messages) delete state.unconfirmed[hex(confirmed)];
    tell({ progress: PROGRESS[content.receipt.progress], ids: content.receipt.messages.map(hex) });
  } else if (content.kind === 'retry') {
    await sendAgain(content.retry);
  } else {
    for (const progress of [1, 2]) await seal(RECEIPT, { receipt: { progress, messages: [envelope.id] } });
    const replyTo = content.in_reply_to.length ? { reply_to: hex(content.in_reply_to) } : {};
    if (content.kind === 'text') tell({ got: messageId, text: content.text.body, ...replyTo });
    else if (content.kind === 'reaction') tell({ got: messageId, emoji: content.reaction.emoji, on: hex(content.reaction.to) });
    else tell({ got: messageId, kind: content.kind, fallback: content.fallback });
  }
}

/** A message that does not open is asked for, once for each time that it comes. */
async function askAgain({ id: messageId, attempt }) {
  const before = state.asked[hex(messageId)];
  if (before !== undefined && before >= attempt) return;
  // What came after the last request does not open either: in another session, then.
  if (before !== undefined) party.retire(peer);
  state.asked[hex(messageId)] = attempt;
  await seal(RETRY, { retry: { message: messageId, attempt } });
  tell({ asked_for: hex(messageId) });
}

/** A message that the business could not open goes once more, in another session. */
async function sendAgain({ message, attempt }) {
  const kept = state.unconfirmed[hex(message)];
  if (!kept || attempt < kept.resends || kept.resends >= MOST_RESENDS) return;
  kept.resends += 1;
  party.retire(peer);
  await seal(MESSAGE, kept.content, message, kept.resends);
  tell({ sent_again: hex(message) });
}

// The connection.

let codes;
async function register() {
  let code = '';
  for (;;) {
    try {
      await persisted(() => carrier.register(code));
      state.registered = true;
      party.save();
      return;
    } catch (error) {
      if (error.reason !== Reason.REASON_UNPROVEN) throw error;
      tell({ wants: 'code' });
      code = await new Promise((typed) => { codes = typed; });
    }
  }
}

async function stay() {
  // Once for each installation; from then on the carrier knows its identity key.
  if (!state.registered) await register();
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      const why = await new Promise((ended, failed) => {
        carrier.open(async (frame) => {
          if (frame.opened) {
            wait = 50;
            await publishIfNeeded(frame.opened);
            tell({ is: 'ready', identity: hex(party.identity.publicKey.serialize()) });
            // From the front: what was not acknowledged on the stream before comes once more, and is known.
            carrier.receive({ epoch: 0, number: 0 });
            send();
          } else if (frame.low_stock) {
            await publishIfNeeded(frame.low_stock);
          } else if (frame.deliveries) {
            inTurn(() => take(frame.deliveries));
          } else if (frame.refused) {
            fatal(new Error(`refused: ${JSON.stringify(frame.refused.refusal)}`));
          }
        }, ended).catch(failed);
      });
      throw why;
    } catch (error) {
      if (!error.mayPass) throw error;
      await pause(wait * (0.5 + Math.random() / 2));
    }
  }
}

const ENOUGH = 25;
let highestKey = 0;
async function publishIfNeeded({ one_time_keys: left, highest_one_time: highest, device_list: kept }) {
  highestKey = Math.max(highestKey, highest);
  // Of the first device: the carrier has another list, or none.
  const listIsDue = kept !== undefined && Number(kept) < state.list.version;
  if (left <= ENOUGH || !highest || listIsDue) await publish();
  carrier.say({ await_low_stock: { call: ++carrier.lastCall, at_most: ENOUGH } });
}

async function publish() { await persisted(async () => carrier.publish(await party.newKeys(highestKey))); }

/** Another device is the user's: its key has come from its own screen. The list is left with new keys. */
async function approve(device, identity) {
  party.approve(device, identity);
  await publish();
  tell({ listed: device });
}

stay().catch(fatal);
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const context = order.reply_to ? { in_reply_to: id(order.reply_to) } : {};
  if (order.code !== undefined) codes?.(order.code);
  else if (order.text !== undefined) inTurn(() => say({ ...context, text: { body: order.text } }));
  else if (order.emoji !== undefined) inTurn(() => say({ reaction: { to: id(order.on), emoji: order.emoji } }));
  else if (order.approve !== undefined) inTurn(() => approve(order.approve, order.identity));
  else if (order.forget_session) inTurn(async () => { party.retire(peer); party.save(); });
  else throw new Error(`no such order: ${line}`);
}
process.exit(0);

// The way to the carrier: one connection, on which this device proves who it is, calls, and one stream.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { KeyBundle, KeyUpload, Reason, Service, reasonOf } from './wire.mjs';

const CALL_DEADLINE = 15_000;
const PROOF = Buffer.from('bulla carrier identity proof 1');
const END_POINT = { binding: 3, name: 'tls-server-end-point' };

/** A call or a stream that was refused, or did not get through. */
export class Refused extends Error {
  constructor(reason, why) { super(why); this.reason = reason; }
  /** Whether it is to be made again after a while. */
  get mayPass() {
    const { REASON_UNAVAILABLE, REASON_CARRIER_FAILED, REASON_CONFLICTING_STREAM, REASON_IDLE, REASON_SHUTTING_DOWN, REASON_UNAUTHENTICATED } = Reason;
    return [REASON_UNAVAILABLE, REASON_CARRIER_FAILED, REASON_CONFLICTING_STREAM, REASON_IDLE, REASON_SHUTTING_DOWN, REASON_UNAUTHENTICATED].includes(this.reason);
  }
}

const refused = (error) => new Refused(reasonOf(error), error.message);

export class Carrier {
  constructor(address, authority, party) {
    Object.assign(this, { party, credential: null, lastCall: 0, waiting: new Map() });
    const credentials = grpc.credentials.createSsl(readFileSync(authority), null, null, {
      // Not asked for its opinion: it is where the certificate is seen, which the proof is tied to.
      checkServerIdentity: (host, certificate) => { this.certificate = createHash('sha256').update(certificate.raw).digest(); },
    });
    this.client = new Service(address, credentials, { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': 1 << 20 });
  }

  /** Makes a call; proves who it is first, and again when that is not good any more. */
  async call(method, request) {
    for (let again = true; ; again = false) {
      try {
        if (!this.credential) await this.prove();
        return await this.once(method, { caller: this.party.caller, ...request });
      } catch (error) {
        if (error.reason !== Reason.REASON_UNAUTHENTICATED || !again) throw error;
        this.credential = null;
      }
    }
  }

  once(method, request) {
    return new Promise((done, failed) => {
      this.client[method](request, this.metadata(), { deadline: Date.now() + CALL_DEADLINE }, (error, response) => {
        if (error) failed(refused(error)); else done(response);
      });
    });
  }

  metadata() {
    const metadata = new grpc.Metadata();
    if (this.credential) metadata.set('bulla-credential-bin', this.credential);
    return metadata;
  }

  async prove() {
    const { nonce } = await this.once('Challenge', {});
    const { caller, identity } = this.party;
    const incarnation = Buffer.alloc(8);
    incarnation.writeBigUInt64BE(BigInt(caller.incarnation));
    const parts = [nonce, Buffer.from(END_POINT.name), this.certificate, caller.address, caller.installation, incarnation];
    const lengths = parts.map((part) => Buffer.from([part.length >> 8, part.length & 0xff]));
    const signed = Buffer.concat([PROOF, ...parts.flatMap((part, place) => [lengths[place], part])]);
    const { token } = await this.once('Prove', {
      caller, identity_key: identity.publicKey.serialize(), nonce, binding: END_POINT.binding, signature: identity.privateKey.sign(signed),
    });
    this.credential = token;
  }

  /** Opens the stream. What the carrier says on it goes to `heard`, and `ended` is told why it is over. */
  async open(heard, ended) {
    if (!this.credential) await this.prove();
    const stream = this.client.Exchange(this.metadata());
    this.stream = stream;
    stream.on('data', (frame) => {
      if (frame.frame === 'heartbeat') return this.say({ heartbeat: {} });
      const call = Number(frame[frame.frame].call);
      const waits = ['sent', 'acknowledged', 'refused'].includes(frame.frame) && this.waiting.get(call);
      if (!waits) return heard(frame);
      this.waiting.delete(call);
      return waits(frame);
    });
    // Both may come, one after the other, when the next stream is open already.
    const end = (why) => { if (this.stream === stream) this.end(why, ended); };
    stream.on('error', (error) => {
      if (reasonOf(error) === Reason.REASON_UNAUTHENTICATED) this.credential = null;
      end(refused(error));
    });
    stream.on('end', () => end(new Refused(Reason.REASON_UNAVAILABLE, 'the stream has ended')));
    this.say({ open: this.party.caller });
  }

  end(why, ended) {
    this.stream = null;
    for (const waits of this.waiting.values()) waits(null);
    this.waiting.clear();
    ended(why);
  }

  say(frame) { this.stream?.write(frame); }

  /** Says something that is answered; `null` if the stream ends before it is. */
  ask(name, request) {
    const call = ++this.lastCall;
    return new Promise((done) => {
      if (!this.stream) return done(null);
      this.waiting.set(call, done);
      return this.say({ [name]: { call, ...request } });
    });
  }

  receive(after) { this.say({ receive: { call: ++this.lastCall, ...after } }); }

  async publish(keys) { return this.call('Publish', { keys: KeyUpload.encode(keys) }); }
  async keysOf(address) { return KeyBundle.decode((await this.call('FetchKeys', { of: address })).bundle); }
  async register(code) { return this.call('Register', { proof: Buffer.from(code) }); }
}

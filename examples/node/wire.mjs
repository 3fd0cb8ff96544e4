// The wire form of the carrier and the form of content, from the `.proto` files alone.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';

// Where the files are: PROTO, or the folders of a checkout.
const checkout = new URL('../..', import.meta.url).pathname;
const folders = [
  ...(process.env.PROTO ?? '').split(':').filter(Boolean),
  join(checkout, 'crates/bulla-transport/proto'),
  join(checkout, 'crates/bulla-content/src'),
];

function load(file) {
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => {
    const found = folders.map((folder) => join(folder, target)).find(existsSync);
    if (!found) throw new Error(`${target} is in none of ${folders.join(', ')}`);
    return found;
  };
  return root.loadSync(file, { keepCase: true });
}

const carrier = load('bulla/carrier/v1/carrier.proto');
const content = load('content.proto');
const status = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`).root;

const extra = ['envelope', 'keys', 'refusal'].map((name) => load(`bulla/carrier/v1/${name}.proto`));
const find = (name) => {
  for (const root of [carrier, ...extra]) {
    try { return root.lookupTypeOrEnum(`bulla.carrier.v1.${name}`); } catch { /* in another file */ }
  }
  throw new Error(`there is no message ${name}`);
};

const codec = (type) => ({
  encode: (value) => Buffer.from(type.encode(type.fromObject(value)).finish()),
  decode: (bytes) => type.toObject(type.decode(bytes), { longs: String, bytes: Buffer, defaults: true, arrays: true, oneofs: true }),
});

export const Envelope = codec(find('Envelope'));
export const KeyUpload = codec(find('KeyUpload'));
export const KeyBundle = codec(find('KeyBundle'));
export const Refusal = codec(find('Refusal'));
export const Content = codec(content.lookupType('bulla.Content'));
export const Reason = find('Reason').values;
const Status = codec(status.lookupType('google.rpc.Status'));

// The carrier's service, as grpc-js wants it.
export const Service = grpc.makeGenericClientConstructor(
  Object.fromEntries(carrier.lookupService('bulla.carrier.v1.Carrier').methodsArray.map((method) => {
    const [request, response] = [method.requestType, method.responseType].map((name) => codec(carrier.lookupType(`bulla.carrier.v1.${name}`)));
    return [method.name, {
      path: `/bulla.carrier.v1.Carrier/${method.name}`,
      requestStream: Boolean(method.requestStream),
      responseStream: Boolean(method.responseStream),
      requestSerialize: request.encode,
      requestDeserialize: request.decode,
      responseSerialize: response.encode,
      responseDeserialize: response.decode,
    }];
  })),
  'Carrier',
);

/** Why a call was refused, in a number of `Reason`; what comes without one is the network's. */
export function reasonOf(error) {
  const details = error.metadata?.get('grpc-status-details-bin')?.[0];
  if (!details) return Reason.REASON_UNAVAILABLE;
  const [any] = Status.decode(details).details;
  return any ? Refusal.decode(any.value).reason : Reason.REASON_UNAVAILABLE;
}

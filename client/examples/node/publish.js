#!/usr/bin/env node
// Publishes events: one by one, in batches, or in a pipeline. Prints for each where it is, or why
// it is not.
//
//   node publish.js --address 127.0.0.1:50051 --mode stream events.jsonl
'use strict';

const {randomUUID} = require('crypto');
const fs = require('fs');
const readline = require('readline');
const {setTimeout: sleep} = require('timers/promises');
const {parseArgs, promisify} = require('util');

const grpc = require('@grpc/grpc-js');

const {EventBusService} = require('./eventbus');
const errors = require('./errors');

const TIMEOUT_MS = 10000;
const ATTEMPTS = 5;
const BATCH = 100;
// Messages of a stream that have no answer yet: enough to keep the pipeline full, and all that is
// in doubt when the stream breaks.
const WINDOW = 256;

// A typed event. The field that its topic is keyed by is the document: one document's events are in
// one partition, in order.
function documentUploaded(documentId) {
  return {document: {
    // Readers deduplicate by event_id: with one of your own, the event can be sent again.
    event_id: randomUUID(),
    event_type: 'DOCUMENT_EVENT_TYPE_UPLOADED',
    document_id: documentId,
    classroom_id: randomUUID(),
    user_id: randomUUID(),
    payload: {filename: 'notes.pdf', file_size: 1024000, status: 'uploaded'},
  }};
}

// The unary methods, with a result for each request.
function senders(client) {
  // OK means that Kafka has it. Always give a deadline.
  const call = (method, request) =>
    promisify(method).call(client, request, {deadline: Date.now() + TIMEOUT_MS});
  return {
    async one([request]) {
      try {
        return [{published: await call(client.Publish, request)}];
      } catch (error) {
        return [{error: errors.ofCall(error)}];
      }
    },
    // OK of the call says only that each request has its result: each has to be looked at.
    async batch(requests) {
      try {
        return (await call(client.PublishBatch, {requests})).results;
      } catch (error) {
        return requests.map(() => ({error: errors.ofCall(error)}));
      }
    },
  };
}

// The results, in the order of the requests.
async function* publishInParts(send, size, requests) {
  let part = [];
  for await (const request of requests) {
    part.push(request);
    if (part.length < size) continue;
    yield* await persist(send, part);
    part = [];
  }
  if (part.length > 0) yield* await persist(send, part);
}

// Sends again only what failed, and can be helped. That lands behind what was written meanwhile:
// who needs strict order has one request of a key under way at a time.
async function persist(send, part) {
  const results = await send(part);
  for (let attempt = 1; attempt < ATTEMPTS; ++attempt) {
    const again = [...results.keys()]
        .filter((number) => errors.isWorthAnotherTry(results[number].error));
    if (again.length === 0) break;
    await sleep(Math.max(100 * 2 ** attempt,
                         ...again.map((number) => errors.retryDelay(results[number].error))));
    const answers = await send(again.map((number) => part[number]));
    again.forEach((number, index) => { results[number] = answers[index]; });
  }
  return results;
}

// The results, in the order of the requests: each message is answered by one, in order.
async function* publishStream(client, requests) {
  const stream = client.PublishStream();
  let unanswered = 0;
  let over = false;
  let wake = () => {};

  async function sendAll() {
    for await (const request of requests) {
      while (unanswered >= WINDOW && !over) await new Promise((resolve) => { wake = resolve; });
      if (over) return;
      ++unanswered;
      // False: the server has no room for more.
      if (!stream.write({requests: [request]})) await drained(stream);
    }
    stream.end();
  }

  const sent = sendAll();
  sent.catch((error) => stream.destroy(error));  // The input cannot be read.
  try {
    for await (const answer of stream) {
      --unanswered;
      wake();
      yield* answer.results;
    }
    await sent;
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    // Whether these were written nobody says. With event_ids of their own they can be sent again.
    const told = errors.ofCall(error);
    for (; unanswered > 0; --unanswered) {
      yield {error: {...told, reason: errors.OUTCOME_UNKNOWN}};
    }
    throw error;
  } finally {
    over = true;
    wake();
  }
}

// Until there is room again, or the stream is over.
function drained(stream) {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

// Each line is an event as JSON; the server checks and completes it as it does a typed one.
async function* read(file) {
  const input = file === '-' ? process.stdin : fs.createReadStream(file);
  const lines = readline.createInterface({input, crlfDelay: Infinity});
  for await (const json of lines) yield {json};
}

// A line of JSON.
function show(line, {published, error}) {
  if (published) {
    const {event_id, topic, partition, offset} = published;
    return console.log(JSON.stringify({line, event_id, topic, partition, offset: Number(offset)}));
  }
  const fields = Object.fromEntries(
      error.field_violations.map(({field, description}) => [field, description]));
  console.log(JSON.stringify({line, error: errors.reason(error), message: error.message, fields}));
}

// Whether all were written.
async function publish(client, mode, requests) {
  const {one, batch} = senders(client);
  const modes = {
    unary: () => publishInParts(one, 1, requests),
    batch: () => publishInParts(batch, BATCH, requests),
    stream: () => publishStream(client, requests),
  };
  if (!modes[mode]) throw new Error(`mode: ${mode}, must be unary, batch or stream`);
  let line = 0;
  let failed = 0;
  try {
    for await (const result of modes[mode]()) {
      show(++line, result);
      if (result.error) ++failed;
    }
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    console.error(
        `the stream ended, later lines were not sent: ${errors.ofCall(error).message}`);
    return false;
  }
  return failed === 0;
}

async function main() {
  const {values, positionals: [file]} = parseArgs({allowPositionals: true, options: {
    'address': {type: 'string', default: '127.0.0.1:50051'},
    'mode': {type: 'string', default: 'unary'},
    'document-id': {type: 'string', default: randomUUID()},
  }});
  const requests = file ? read(file) : [{event: documentUploaded(values['document-id'])}];
  const client = new EventBusService(values.address, grpc.credentials.createInsecure());
  try {
    if (!await publish(client, values.mode, requests)) process.exitCode = 1;
  } finally {
    client.close();
    process.stdin.destroy();  // An input that goes on would keep this program.
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(2);
});

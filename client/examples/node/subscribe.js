#!/usr/bin/env node
// Prints events as they come, and goes on where it was when the server goes away.
//
//   node subscribe.js --address 127.0.0.1:50051 --tail --from earliest --topics document-events
//   node subscribe.js --address 127.0.0.1:50051 --group document-processor
'use strict';

const {setTimeout: sleep} = require('timers/promises');
const {parseArgs} = require('util');

const grpc = require('@grpc/grpc-js');

const {EventBusService} = require('./eventbus');
const errors = require('./errors');

const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 10000;

// Events, whatever becomes of the streams that bring them.
//
// A tail goes on from its last resume token; what it has seen since is dropped by its offset. A
// group's member goes on where the group is.
class Subscription {
  #client;
  #request;
  #delay = FIRST_DELAY_MS;
  // Tails: of each partition, the next offset that has not been seen.
  #next = new Map();
  resumeToken = '';

  constructor(client, request) {
    this.#client = client;
    this.#request = request;
  }

  // Until the stream ends with OK. Throws what waiting does not help.
  async* events() {
    const bounded = this.#request.max_events > 0;
    for (;;) {
      try {
        for await (const event of this.#stream()) {
          yield event;
          if (bounded) --this.#request.max_events;
        }
        // A stream that has brought as many as it was to has counted what was dropped, too.
        if (this.#request.max_events === 0 || this.#request.stop_at_end) return;
      } catch (error) {
        if (bounded && this.#request.max_events === 0) return;
        await this.#wait(error);
      }
    }
  }

  async* #stream() {
    const stream = this.#client.Subscribe(this.#request);
    // Reading by `for await` is what holds the server back when this program is slow.
    for await (const response of stream) {
      this.#delay = FIRST_DELAY_MS;
      const kind = response.message;
      const message = response[kind];
      if (kind === 'batch') yield* message.events.filter((event) => this.#isNew(event));
      if (kind === 'gap') console.error('lost:', JSON.stringify(message));
      if (kind === 'started' || kind === 'assignment') console.error(describe(message.assigned));
      if (message.resume_token) this.#keep(message.resume_token);
    }
  }

  // A token stands for everything before its message. A program that must lose nothing keeps it
  // where it keeps its results.
  #keep(token) {
    this.resumeToken = token;
    this.#request.tail.start = {resume_token: token};
  }

  #isNew({topic, partition, offset}) {
    if (this.#request.group) return true;  // Two members may get the same event: event_id tells.
    const place = `${topic}[${partition}]`;
    const number = BigInt(offset);
    if (number < (this.#next.get(place) ?? 0n)) return false;
    this.#next.set(place, number + 1n);
    return true;
  }

  async #wait(error) {
    if (typeof error.code !== 'number') throw error;
    const told = errors.ofCall(error);
    if (!told.retry_delay) throw error;
    // At random, lest all clients of a server come back in the same moment.
    const delay = Math.max(errors.retryDelay(told), this.#delay * (0.5 + Math.random() / 2));
    this.#delay = Math.min(2 * this.#delay, LAST_DELAY_MS);
    console.error(`${told.message}; again in ${(delay / 1000).toFixed(1)} s`);
    await sleep(delay);
  }
}

function describe(assigned) {
  const partitions = assigned
      .map(({topic, partition, offset}) => `${topic}[${partition}]@${offset}`);
  return partitions.length > 0 ? `reading: ${partitions.join(' ')}` : 'on standby';
}

// What an event is about, from the typed event.
const SUBJECT = {
  document: ({document_id: id}) => id,
  meeting: ({meeting_id: id}) => id,
  tutor_query: ({session_id: id}) => id,
  assessment: ({exam_session_id: id}) => id,
  analytics: ({user_id: id}) => id,
};

// A line of JSON.
function show({topic, partition, offset, event_id, event_type, body, event, undecodable}) {
  const line = {topic, partition, offset: Number(offset), event_id, event_type};
  if (body === 'undecodable') {
    // A record that is no JSON object. It is shown, never skipped in silence.
    line.undecodable = undecodable.reason.replace('UNDECODABLE_REASON_', '');
  } else {
    line.subject = event.family ? SUBJECT[event.family](event[event.family]) || '' : '';
  }
  console.log(JSON.stringify(line));
}

function start(from) {
  return from === 'earliest' || from === 'latest' ? {[from]: {}} : {resume_token: from};
}

function requestOf(values) {
  const words = (text) => text ? text.split(',') : [];
  const request = {
    topics: words(values.topics), event_types: words(values.types),
    max_events: Number(values['max-events']), stop_at_end: values['stop-at-end'],
    client_id: 'example-node',
  };
  if (values.tail) return {...request, tail: {start: start(values.from || 'latest')}};
  // Delivered is what was written to the stream. An empty id is the server's own KAFKA_GROUP_ID.
  const group = {id: values.group, ack_mode: 'ACK_MODE_AUTO'};
  if (values.from) group.initial_position = start(values.from);
  return {...request, group};
}

async function main() {
  const {values} = parseArgs({options: {
    'address': {type: 'string', default: '127.0.0.1:50051'},
    'tail': {type: 'boolean', default: false},
    'group': {type: 'string'},
    'from': {type: 'string'},
    'max-events': {type: 'string', default: '0'},
    'stop-at-end': {type: 'boolean', default: false},
    'topics': {type: 'string'},
    'types': {type: 'string'},
  }});
  if (values.tail === (values.group !== undefined)) throw new Error('--tail or --group ID');
  // A server that restarts is back soon: do not wait up to two minutes for it.
  const client = new EventBusService(values.address, grpc.credentials.createInsecure(),
                                     {'grpc.max_reconnect_backoff_ms': LAST_DELAY_MS});
  const subscription = new Subscription(client, requestOf(values));
  process.once('SIGINT', () => process.exit(0));
  try {
    for await (const event of subscription.events()) show(event);
  } finally {
    client.close();
  }
  if (subscription.resumeToken) console.error(`go on with --from ${subscription.resumeToken}`);
}

main().catch((error) => {
  if (typeof error.code !== 'number') {
    console.error(error.message);
    process.exit(2);
  }
  const told = errors.ofCall(error);
  console.error([`${errors.reason(told)}: ${told.message}`, ...told.field_violations
      .map(({field, description}) => `${field}: ${description}`)].join('\n  '));
  process.exit(1);
});

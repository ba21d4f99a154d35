// What a failed call says, beyond its code and message.
'use strict';

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const rpc = protoLoader.loadSync('error_details.proto', {
  includeDirs: [__dirname], keepCase: true, longs: Number,
});
const OUTCOME_UNKNOWN = 'ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN';

// Puts a failed call into the words that a batch has for one event: {reason, message,
// field_violations, retry_delay}. There is no reason where the call did not reach the server.
function ofCall(error) {
  const told = {
    message: `${grpc.status[error.code]}: ${error.details}`, field_violations: [],
    retry_delay: null,
  };
  for (const {type_url: url, value} of details(error)) {
    const name = url.slice(url.lastIndexOf('/') + 1);
    if (!rpc[name]) continue;
    const detail = rpc[name].deserialize(value);
    if (name === 'google.rpc.ErrorInfo') told.reason = `ERROR_REASON_${detail.reason}`;
    if (name === 'google.rpc.BadRequest') told.field_violations = detail.field_violations;
    if (name === 'google.rpc.RetryInfo') told.retry_delay = detail.retry_delay;
  }
  // No server at all says nothing about when; one in its last moment may cut a call off bare.
  if (!told.reason && [grpc.status.UNAVAILABLE, grpc.status.CANCELLED].includes(error.code)) {
    told.retry_delay = {seconds: 0, nanos: 100e6};
  }
  return told;
}

function details(error) {
  const [bytes] = error.metadata ? error.metadata.get('grpc-status-details-bin') : [];
  return bytes ? rpc['google.rpc.Status'].deserialize(bytes).details || [] : [];
}

function isWorthAnotherTry(error) {
  // Not knowing is worth one, too: the event keeps its event_id, by which readers tell.
  return Boolean(error) && (Boolean(error.retry_delay) || error.reason === OUTCOME_UNKNOWN);
}

// When, in milliseconds; 0 where the server does not say.
function retryDelay({retry_delay: delay}) {
  return delay ? 1000 * Number(delay.seconds || 0) + (delay.nanos || 0) / 1e6 : 0;
}

// The reason as documentation and logs have it, such as EVENT_INVALID.
function reason(error) {
  return error.reason ? error.reason.replace('ERROR_REASON_', '') : error.message.split(':')[0];
}

module.exports = {OUTCOME_UNKNOWN, isWorthAnotherTry, ofCall, reason, retryDelay};

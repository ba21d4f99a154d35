// Loads the .proto files at run time, as Node services do, publishes one document event, reads it
// back, and prints what came of it as JSON.
//
//   node publish.js PROTO_FOLDER ADDRESS DOCUMENTED_JSON
'use strict';

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [protoFolder, address, text] = process.argv.slice(2);
const definition = protoLoader.loadSync('eventbus/v1/event_bus_service.proto', {
  includeDirs: [protoFolder], keepCase: true, longs: String, enums: String,
});
const Service = grpc.loadPackageDefinition(definition).eventbus.v1.EventBusService;
const client = new Service(address, grpc.credentials.createInsecure());
const deadline = Date.now() + 30000;

function typed(documented) {
  const seconds = Date.parse(documented.timestamp) / 1000;
  return {document: {...documented, event_type: 'DOCUMENT_EVENT_TYPE_UPLOADED',
                     timestamp: {seconds, nanos: 0}}};
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

client.publish({event: typed(JSON.parse(text))}, {deadline}, (error, response) => {
  if (error) return fail(error);
  const {topic, partition, offset} = response;
  const call = client.subscribe({
    tail: {start: {offsets: {positions: [{topic, partition, offset}]}}}, max_events: 1,
  }, {deadline});
  let received;
  call.on('data', (message) => { if (message.batch) received = message.batch.events[0]; });
  call.on('error', fail);
  call.on('end', () => {
    const methods = Object.values(Service.service).map((method) => method.path.split('/')[2]);
    console.log(JSON.stringify({methods, response, received}));
    client.close();
  });
});

// The service, from its .proto files: Node loads them at run time, nothing is generated.
'use strict';

const path = require('path');

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

// EVENTBUS_PROTO names the folder in a program that lives elsewhere.
const PROTO = process.env.EVENTBUS_PROTO || path.join(__dirname, '..', '..', '..', 'proto');

const definition = protoLoader.loadSync('eventbus/v1/event_bus_service.proto', {
  includeDirs: [PROTO],
  keepCase: true,  // Names as in the files.
  longs: String,   // An offset may be past 2^53.
  enums: String,
  defaults: true,  // Partition 0 is a number, too.
  oneofs: true,    // message.message says which one is set.
});

exports.EventBusService = grpc.loadPackageDefinition(definition).eventbus.v1.EventBusService;

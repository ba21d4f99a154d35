"""What the interop tests share: a server, legacy Kafka clients, stubs and samples."""

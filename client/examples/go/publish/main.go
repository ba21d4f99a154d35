// Publish sends events with nothing but the generated stub: one by one, in batches, or in a
// pipeline. It prints for each where it is, or why it is not.
//
//	publish --address 127.0.0.1:50051 --mode stream events.jsonl
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"eventbus/callerror"
	eventsv1 "eventbus/gen/eventbus/events/v1"
	eventbusv1 "eventbus/gen/eventbus/v1"
)

// A record of Kafka has 1 MB at most.
const maxLine = 4 << 20

func main() {
	log.SetFlags(0)
	address := flag.String("address", "127.0.0.1:50051", "of the server, `HOST:PORT` or unix:PATH")
	mode := flag.String("mode", "unary", "unary, batch or stream")
	documentID := flag.String("document-id", newUUID(), "of the typed event")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "publish [FLAG...] [FILE]\n"+
			"FILE: an event a line, as JSON; - is standard input; without one, a typed document event")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 1 {
		log.Fatal("one FILE at most, after the flags")
	}

	connection, err := grpc.Dial(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	publisher := &publisher{stub: eventbusv1.NewEventBusServiceClient(connection)}
	written, err := publisher.publish(context.Background(), *mode, source(flag.Arg(0), *documentID))
	connection.Close()
	if err != nil {
		log.Fatal(err)
	}
	if !written {
		os.Exit(1)
	}
}

// next returns one request after another, then io.EOF.
type next func() (*eventbusv1.PublishRequest, error)

func source(path, documentID string) next {
	switch path {
	case "":
		return once(&eventbusv1.PublishRequest{Content: &eventbusv1.PublishRequest_Event{
			Event: documentUploaded(documentID),
		}})
	case "-":
		return lines(os.Stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	return lines(file)
}

func once(request *eventbusv1.PublishRequest) next {
	return func() (*eventbusv1.PublishRequest, error) {
		if request == nil {
			return nil, io.EOF
		}
		only := request
		request = nil
		return only, nil
	}
}

// lines takes each line for an event as JSON; the server checks and completes it as it does a typed
// one.
func lines(file io.Reader) next {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxLine)
	return func() (*eventbusv1.PublishRequest, error) {
		if !scanner.Scan() {
			if err := scanner.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		return &eventbusv1.PublishRequest{
			Content: &eventbusv1.PublishRequest_Json{Json: scanner.Text()},
		}, nil
	}
}

// documentUploaded is a typed event. The field that its topic is keyed by is the document: one
// document's events are in one partition, in order.
func documentUploaded(documentID string) *eventsv1.Event {
	text := func(value string) *string { return &value }
	size := int64(1024000)
	return &eventsv1.Event{Family: &eventsv1.Event_Document{Document: &eventsv1.DocumentEvent{
		// Readers deduplicate by event_id: with one of your own, the event can be sent again.
		EventId:     text(newUUID()),
		EventType:   eventsv1.DocumentEventType_DOCUMENT_EVENT_TYPE_UPLOADED,
		DocumentId:  text(documentID),
		ClassroomId: text(newUUID()),
		UserId:      text(newUUID()),
		Payload: &eventsv1.DocumentPayload{
			Filename: text("notes.pdf"), FileSize: &size, Status: text("uploaded"),
		},
	}}}
}

func newUUID() string {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		log.Fatal(err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// show prints a line of JSON.
func show(line int, result *eventbusv1.PublishResult) {
	printed := map[string]any{"line": line}
	if written := result.GetPublished(); written != nil {
		printed["event_id"] = written.EventId
		printed["topic"] = written.Topic
		printed["partition"] = written.Partition
		printed["offset"] = written.Offset
	} else {
		fields := map[string]string{}
		for _, violation := range result.GetError().FieldViolations {
			fields[violation.Field] = violation.Description
		}
		printed["error"] = callerror.Reason(result.GetError())
		printed["message"] = result.GetError().Message
		printed["fields"] = fields
	}
	text, err := json.Marshal(printed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

// Subscribe prints events as they come, and goes on where it was when the server goes away.
//
//	subscribe --address 127.0.0.1:50051 --tail --from earliest --topics document-events
//	subscribe --address 127.0.0.1:50051 --group document-processor
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"eventbus/callerror"
	eventbusv1 "eventbus/gen/eventbus/v1"
)

func main() {
	log.SetFlags(0)
	address := flag.String("address", "127.0.0.1:50051", "of the server, `HOST:PORT` or unix:PATH")
	tail := flag.Bool("tail", false, "everything, independent of others")
	group := flag.String("group", "", "a share of what the consumer group `ID` gets")
	from := flag.String("from", "",
		"`earliest|latest|TOKEN`: where a tail starts (latest), or a group without offsets")
	maxEvents := flag.Int64("max-events", 0, "end after so many")
	stopAtEnd := flag.Bool("stop-at-end", false, "end when all that there is now has been printed")
	topics := flag.String("topics", "", "`A,B`; all where there is none")
	types := flag.String("types", "", "`A,B`, such as document.uploaded or 'document.*'")
	flag.Parse()
	grouped := false
	flag.Visit(func(given *flag.Flag) { grouped = grouped || given.Name == "group" })
	if *tail == grouped || flag.NArg() > 0 {
		log.Fatal("subscribe --tail or subscribe --group ID; --help tells more")
	}

	request := &eventbusv1.SubscribeRequest{
		Topics: split(*topics), EventTypes: split(*types), MaxEvents: *maxEvents,
		StopAtEnd: *stopAtEnd, ClientId: "example-go",
	}
	if *tail {
		request.Reader = &eventbusv1.SubscribeRequest_Tail{
			Tail: &eventbusv1.Tail{Start: start(*from)},
		}
	} else {
		// Delivered is what was written to the stream. An empty id is the server's KAFKA_GROUP_ID.
		request.Reader = &eventbusv1.SubscribeRequest_Group{Group: &eventbusv1.Group{
			Id: *group, AckMode: eventbusv1.AckMode_ACK_MODE_AUTO, InitialPosition: start(*from),
		}}
	}
	if err := subscribe(*address, request); err != nil {
		told := callerror.Of(err)
		log.Printf("%s: %s", callerror.Reason(told), told.Message)
		for _, violation := range told.FieldViolations {
			log.Printf("  %s: %s", violation.Field, violation.Description)
		}
		os.Exit(1)
	}
}

func subscribe(address string, request *eventbusv1.SubscribeRequest) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// A server that restarts is back soon: do not wait up to two minutes for it.
	reconnect := backoff.DefaultConfig
	reconnect.MaxDelay = lastDelay
	connection, err := grpc.Dial(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: reconnect, MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return err
	}
	defer connection.Close()
	subscription := newSubscription(eventbusv1.NewEventBusServiceClient(connection), request)
	err = subscription.each(ctx, show)
	if ctx.Err() != nil {
		err = nil // Ctrl-C.
	}
	if err == nil && subscription.resumeToken != "" {
		log.Printf("go on with --from %s", subscription.resumeToken)
	}
	return err
}

func start(from string) *eventbusv1.StartPosition {
	switch from {
	case "":
		return nil
	case "earliest":
		return &eventbusv1.StartPosition{
			Position: &eventbusv1.StartPosition_Earliest{Earliest: &emptypb.Empty{}},
		}
	case "latest":
		return &eventbusv1.StartPosition{
			Position: &eventbusv1.StartPosition_Latest{Latest: &emptypb.Empty{}},
		}
	}
	return resumeFrom(from)
}

func split(words string) []string {
	if words == "" {
		return nil
	}
	return strings.Split(words, ",")
}

// show prints a line of JSON.
func show(event *eventbusv1.ReceivedEvent) {
	line := map[string]any{
		"topic": event.Topic, "partition": event.Partition, "offset": event.Offset,
		"event_id": event.EventId, "event_type": event.EventType,
	}
	if undecodable := event.GetUndecodable(); undecodable != nil {
		// A record that is no JSON object. It is shown, never skipped in silence.
		line["undecodable"] = strings.TrimPrefix(undecodable.Reason.String(), "UNDECODABLE_REASON_")
	} else {
		line["subject"] = subject(event.GetEvent())
	}
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

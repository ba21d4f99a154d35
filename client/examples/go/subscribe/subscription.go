package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"strings"
	"time"

	"eventbus/callerror"
	eventsv1 "eventbus/gen/eventbus/events/v1"
	eventbusv1 "eventbus/gen/eventbus/v1"
)

const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 10 * time.Second
)

type partition struct {
	topic  string
	number int32
}

// subscription brings events, whatever becomes of the streams that bring them.
//
// A tail goes on from its last resume token; what it has seen since is dropped by its offset. A
// group's member goes on where the group is.
type subscription struct {
	stub    eventbusv1.EventBusServiceClient
	request *eventbusv1.SubscribeRequest
	delay   time.Duration
	random  *rand.Rand
	// Tails: of each partition, the next offset that has not been seen.
	next        map[partition]int64
	resumeToken string
}

func newSubscription(
	stub eventbusv1.EventBusServiceClient, request *eventbusv1.SubscribeRequest,
) *subscription {
	return &subscription{
		stub: stub, request: request, delay: firstDelay, next: map[partition]int64{},
		random: rand.New(rand.NewSource(time.Now().UnixNano())),
	}
}

// each returns nil once the stream has ended with OK, and an error that waiting does not help.
func (s *subscription) each(ctx context.Context, take func(*eventbusv1.ReceivedEvent)) error {
	bounded := s.request.MaxEvents != 0
	for {
		err := s.stream(ctx, func(event *eventbusv1.ReceivedEvent) {
			take(event)
			if bounded {
				s.request.MaxEvents--
			}
		})
		done := s.request.MaxEvents == 0
		if errors.Is(err, io.EOF) {
			// A stream that has brought as many as it was to has counted what was dropped, too.
			if done || s.request.StopAtEnd {
				return nil
			}
			continue
		}
		if bounded && done {
			return nil
		}
		if err := s.wait(ctx, err); err != nil {
			return err
		}
	}
}

// stream returns io.EOF where the stream ended with OK.
func (s *subscription) stream(
	ctx context.Context, take func(*eventbusv1.ReceivedEvent),
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.stub.Subscribe(ctx, s.request)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		s.delay = firstDelay
		switch message := message.Message.(type) {
		case *eventbusv1.SubscribeResponse_Batch:
			for _, event := range message.Batch.Events {
				if s.isNew(event) {
					take(event)
				}
			}
		case *eventbusv1.SubscribeResponse_Started:
			log.Print(describe(message.Started.Assigned))
			s.keep(message.Started.ResumeToken)
		case *eventbusv1.SubscribeResponse_Assignment:
			log.Print(describe(message.Assignment.Assigned))
		case *eventbusv1.SubscribeResponse_Heartbeat:
			s.keep(message.Heartbeat.ResumeToken)
		case *eventbusv1.SubscribeResponse_CaughtUp:
			s.keep(message.CaughtUp.ResumeToken)
		case *eventbusv1.SubscribeResponse_Gap:
			log.Printf("lost: %s", message.Gap)
		}
	}
}

// keep: a token stands for everything before its message. A program that must lose nothing keeps it
// where it keeps its results.
func (s *subscription) keep(token string) {
	if token == "" {
		return // A group's stream has none.
	}
	s.resumeToken = token
	s.request.GetTail().Start = resumeFrom(token)
}

func (s *subscription) isNew(event *eventbusv1.ReceivedEvent) bool {
	if s.request.GetGroup() != nil {
		return true // Kafka may give the same event to two members: event_id tells.
	}
	of := partition{event.Topic, event.Partition}
	if event.Offset < s.next[of] {
		return false
	}
	s.next[of] = event.Offset + 1
	return true
}

func (s *subscription) wait(ctx context.Context, err error) error {
	told := callerror.Of(err)
	if told.RetryDelay == nil {
		return err
	}
	// At random, lest all clients of a server come back in the same moment.
	delay := time.Duration((0.5 + s.random.Float64()/2) * float64(s.delay))
	if asked := told.RetryDelay.AsDuration(); asked > delay {
		delay = asked
	}
	if s.delay *= 2; s.delay > lastDelay {
		s.delay = lastDelay
	}
	log.Printf("%s; again in %v", told.Message, delay.Round(time.Millisecond))
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return err
	}
}

func resumeFrom(token string) *eventbusv1.StartPosition {
	return &eventbusv1.StartPosition{
		Position: &eventbusv1.StartPosition_ResumeToken{ResumeToken: token},
	}
}

func describe(assigned []*eventbusv1.Position) string {
	if len(assigned) == 0 {
		return "on standby"
	}
	text := []string{"reading:"}
	for _, position := range assigned {
		text = append(text,
			fmt.Sprintf("%s[%d]@%d", position.Topic, position.Partition, position.Offset))
	}
	return strings.Join(text, " ")
}

// subject is what the event is about, from the typed event.
func subject(event *eventsv1.Event) string {
	switch family := event.GetFamily().(type) {
	case *eventsv1.Event_Document:
		return family.Document.GetDocumentId()
	case *eventsv1.Event_Meeting:
		return family.Meeting.GetMeetingId()
	case *eventsv1.Event_TutorQuery:
		return family.TutorQuery.GetSessionId()
	case *eventsv1.Event_Assessment:
		return family.Assessment.GetExamSessionId()
	case *eventsv1.Event_Analytics:
		return family.Analytics.GetUserId()
	}
	return ""
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"eventbus/callerror"
	eventbusv1 "eventbus/gen/eventbus/v1"
)

const (
	timeout   = 10 * time.Second
	attempts  = 5
	batchSize = 100
	// Messages of a stream that have no answer yet: enough to keep the pipeline full, and all that
	// is in doubt when the stream breaks.
	window = 256
)

// publisher numbers what it publishes by lines, and remembers whether any failed.
type publisher struct {
	stub   eventbusv1.EventBusServiceClient
	line   int
	failed bool
}

// publish says whether all were written.
func (p *publisher) publish(ctx context.Context, mode string, requests next) (bool, error) {
	var err error
	switch mode {
	case "unary":
		err = p.inParts(ctx, p.sendOne, 1, requests)
	case "batch":
		err = p.inParts(ctx, p.sendBatch, batchSize, requests)
	case "stream":
		err = p.inStream(ctx, requests)
	default:
		err = fmt.Errorf("mode: %q, must be unary, batch or stream", mode)
	}
	return !p.failed, err
}

func (p *publisher) take(results ...*eventbusv1.PublishResult) {
	for _, result := range results {
		p.line++
		show(p.line, result)
		p.failed = p.failed || result.GetError() != nil
	}
}

// send has a result for each request, in their order.
type send func(context.Context, []*eventbusv1.PublishRequest) []*eventbusv1.PublishResult

func (p *publisher) sendOne(
	ctx context.Context, requests []*eventbusv1.PublishRequest,
) []*eventbusv1.PublishResult {
	// OK means that Kafka has it. Always give a deadline.
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	written, err := p.stub.Publish(ctx, requests[0])
	if err != nil {
		return []*eventbusv1.PublishResult{failure(callerror.Of(err))}
	}
	return []*eventbusv1.PublishResult{
		{Result: &eventbusv1.PublishResult_Published{Published: written}},
	}
}

// sendBatch: OK of the call says only that each request has its result; each has to be looked at.
func (p *publisher) sendBatch(
	ctx context.Context, requests []*eventbusv1.PublishRequest,
) []*eventbusv1.PublishResult {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := p.stub.PublishBatch(ctx, &eventbusv1.PublishBatchRequest{Requests: requests})
	if err == nil {
		return answer.Results
	}
	results := make([]*eventbusv1.PublishResult, len(requests))
	for i := range results {
		results[i] = failure(callerror.Of(err))
	}
	return results
}

func (p *publisher) inParts(ctx context.Context, send send, size int, requests next) error {
	for {
		part, err := upTo(size, requests)
		if len(part) > 0 {
			p.take(persist(ctx, send, part)...)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// upTo returns what it has beside an error.
func upTo(size int, requests next) ([]*eventbusv1.PublishRequest, error) {
	var part []*eventbusv1.PublishRequest
	for len(part) < size {
		request, err := requests()
		if err != nil {
			return part, err
		}
		part = append(part, request)
	}
	return part, nil
}

// persist sends again only what failed, and can be helped. That lands behind what was written
// meanwhile: who needs strict order has one request of a key under way at a time.
func persist(
	ctx context.Context, send send, part []*eventbusv1.PublishRequest,
) []*eventbusv1.PublishResult {
	results := send(ctx, part)
	for attempt := 1; attempt < attempts; attempt++ {
		delay := 100 * time.Millisecond << attempt
		var again []int
		var requests []*eventbusv1.PublishRequest
		for i, result := range results {
			if !callerror.WorthAnotherTry(result.GetError()) {
				continue
			}
			again = append(again, i)
			requests = append(requests, part[i])
			if asked := result.GetError().GetRetryDelay().AsDuration(); asked > delay {
				delay = asked
			}
		}
		if len(again) == 0 {
			break
		}
		time.Sleep(delay)
		for i, result := range send(ctx, requests) {
			results[again[i]] = result
		}
	}
	return results
}

// inStream sends from a goroutine of its own and takes the answers here: each message is answered
// by one, in order. Send waits where the server has no room for more.
func (p *publisher) inStream(ctx context.Context, requests next) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // Ends the sender, too.
	stream, err := p.stub.PublishStream(ctx)
	if err != nil {
		return fmt.Errorf("nothing was sent: %s", callerror.Of(err).Message)
	}
	unanswered := make(chan struct{}, window)
	sent := make(chan error, 1)
	go func() { sent <- sendAll(ctx, stream, requests, unanswered) }()
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return <-sent
		}
		if err != nil {
			return p.broken(callerror.Of(err), len(unanswered))
		}
		<-unanswered
		p.take(answer.Results...)
	}
}

func sendAll(
	ctx context.Context, stream eventbusv1.EventBusService_PublishStreamClient, requests next,
	unanswered chan<- struct{},
) error {
	for {
		request, err := requests()
		if err != nil {
			if closed := stream.CloseSend(); closed != nil {
				return closed
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		select {
		case unanswered <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		message := &eventbusv1.PublishStreamRequest{
			Requests: []*eventbusv1.PublishRequest{request},
		}
		if err := stream.Send(message); err != nil {
			return err // Recv says why.
		}
	}
}

// broken: whether what has no answer was written nobody says. With event_ids of their own they can
// be sent again.
func (p *publisher) broken(told *eventbusv1.PublishError, unanswered int) error {
	for i := 0; i < unanswered; i++ {
		p.take(failure(&eventbusv1.PublishError{
			Reason:  eventbusv1.ErrorReason_ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN,
			Message: told.Message,
		}))
	}
	return fmt.Errorf("the stream ended, later lines were not sent: %s", told.Message)
}

func failure(err *eventbusv1.PublishError) *eventbusv1.PublishResult {
	return &eventbusv1.PublishResult{Result: &eventbusv1.PublishResult_Error{Error: err}}
}

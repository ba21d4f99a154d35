// Package callerror reads what a failed call of the event bus says beyond its code and message.
package callerror

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	eventbusv1 "eventbus/gen/eventbus/v1"
)

const prefix = "ERROR_REASON_"

// Of puts a failed call into the words that a batch has for one event: reason, fields, when to try
// again. The reason is unset where the call did not reach the server.
func Of(err error) *eventbusv1.PublishError {
	failed := status.Convert(err)
	told := &eventbusv1.PublishError{Message: failed.Code().String() + ": " + failed.Message()}
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			// Unset, too, where a newer server has a reason that this stub does not know.
			told.Reason = eventbusv1.ErrorReason(eventbusv1.ErrorReason_value[prefix+detail.Reason])
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				told.FieldViolations = append(told.FieldViolations, &eventbusv1.FieldViolation{
					Field: violation.Field, Description: violation.Description,
				})
			}
		case *errdetails.RetryInfo:
			told.RetryDelay = detail.RetryDelay
		}
	}
	// No server at all says nothing about when; one in its last moment may cut a call off bare.
	unreached := failed.Code() == codes.Unavailable || failed.Code() == codes.Canceled
	if unreached && told.Reason == eventbusv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		told.RetryDelay = durationpb.New(100 * time.Millisecond)
	}
	return told
}

// WorthAnotherTry says whether sending the event again may help.
func WorthAnotherTry(err *eventbusv1.PublishError) bool {
	// Not knowing is worth one, too: the event keeps its event_id, by which readers tell.
	return err.GetRetryDelay() != nil ||
		err.GetReason() == eventbusv1.ErrorReason_ERROR_REASON_PUBLISH_OUTCOME_UNKNOWN
}

// Reason is the reason as documentation and logs have it, such as EVENT_INVALID.
func Reason(err *eventbusv1.PublishError) string {
	if err.Reason == eventbusv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		code, _, _ := strings.Cut(err.Message, ":")
		return code
	}
	return strings.TrimPrefix(err.Reason.String(), prefix)
}

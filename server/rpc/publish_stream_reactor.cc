#include "server/rpc/publish_stream_reactor.h"

#include <utility>

#include "grpcpp/server_context.h"
#include "server/rpc/bytes.h"
#include "server/rpc/status.h"

namespace eventbus::rpc {

std::shared_ptr<PublishStreamReactor> PublishStreamReactor::Make(
    grpc::CallbackServerContext* context, std::function<void()> on_done) {
  std::shared_ptr<PublishStreamReactor> reactor(
      new PublishStreamReactor(context, std::move(on_done)));
  reactor->self_ = reactor;
  reactor->StartSendInitialMetadata();
  return reactor;
}

PublishStreamReactor::PublishStreamReactor(grpc::CallbackServerContext* context,
                                           std::function<void()> on_done)
    : on_done_(std::move(on_done)), cutter_(context) {}

void PublishStreamReactor::SetStream(std::shared_ptr<bus::PublishStream> stream) {
  MutexLock lock(mu_);
  stream_ = std::move(stream);
}

void PublishStreamReactor::Read() {
  MutexLock lock(mu_);
  if (!finished_) StartRead(&request_);
}

void PublishStreamReactor::Write(std::string response) {
  MutexLock lock(mu_);
  if (finished_) return;
  response_ = ToByteBuffer(response);
  StartWrite(&response_);
}

void PublishStreamReactor::Close(const absl::Status& status) {
  MutexLock lock(mu_);
  if (!std::exchange(finished_, true)) Finish(ToGrpcStatus(status));
}

void PublishStreamReactor::OnReadDone(bool ok) {
  const auto stream = Stream();
  if (stream == nullptr) return;
  if (!ok) return stream->OnHalfClose();
  const auto bytes = std::make_shared<RequestBytes>(request_);
  request_.Clear();
  stream->OnMessage(bytes->view(), bytes);
}

void PublishStreamReactor::OnWriteDone(bool ok) {
  if (!ok) return Gone();
  {
    MutexLock lock(mu_);
    response_.Clear();
  }
  if (const auto stream = Stream()) stream->OnWritten();
}

void PublishStreamReactor::OnCancel() { Gone(); }

void PublishStreamReactor::OnDone() {
  Gone();
  cutter_.Release();
  {
    MutexLock lock(mu_);
    stream_ = nullptr;
  }
  const auto self = std::move(self_);
  on_done_();
}

void PublishStreamReactor::Gone() {
  if (const auto stream = Stream()) stream->OnGone();
  Close(absl::CancelledError("the client is gone"));
}

std::shared_ptr<bus::PublishStream> PublishStreamReactor::Stream() {
  MutexLock lock(mu_);
  return stream_;
}

}  // namespace eventbus::rpc

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/mutex.h"
#include "server/bus/publish_stream.h"
#include "server/rpc/call.h"

namespace eventbus::rpc {

// The server's end of one PublishStream call: one read and one write at a time.
//
// Lifetime: gRPC holds the reactor until OnDone; the stream holds it besides. Thread-safe.
class PublishStreamReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public bus::PublishSink {
 public:
  // `on_done` runs once, on a gRPC thread, after the last reaction.
  static std::shared_ptr<PublishStreamReactor> Make(grpc::CallbackServerContext* context,
                                                    std::function<void()> on_done);

  // Once, before the stream starts.
  void SetStream(std::shared_ptr<bus::PublishStream> stream);

  void Read() override;
  void Write(std::string response) override;
  void Close(const absl::Status& status) override;
  void Cut() override { cutter_.Cut(); }

 private:
  PublishStreamReactor(grpc::CallbackServerContext* context, std::function<void()> on_done);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void Gone();
  std::shared_ptr<bus::PublishStream> Stream();

  std::shared_ptr<PublishStreamReactor> self_;  // Set by Make, released by OnDone.
  const std::function<void()> on_done_;
  CallCutter cutter_;
  grpc::ByteBuffer request_;  // gRPC's from Read to OnReadDone.

  Mutex mu_;
  std::shared_ptr<bus::PublishStream> stream_ ABSL_GUARDED_BY(mu_);
  grpc::ByteBuffer response_ ABSL_GUARDED_BY(mu_);  // gRPC reads it until OnWriteDone.
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace eventbus::rpc

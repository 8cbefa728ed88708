// SPDX-License-Identifier: GPL-3.0-or-later
// AgentSocket: where a running agent answers questions: a Unix socket for its own user (and root) alone. One line of
// JSON is asked, one is answered, and the connection ends:
//
//   {"ask": "status"}   {"ask": "why", "resource": "file[a]"}   {"ask": "graph", "explain": true}
//   {"ask": "history", "resource": "file[a]", "since": 1764000000, "limit": 10}   ->   {...} or {"error": "..."}
//
// On the loop's thread, which never waits for a client: who is slow has ten seconds to ask, and as many to take the
// answer; at most 64 are served at a time. The name of the agent must be ours (NameLock): what stands where the socket
// goes is of a dead one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/async/loop.h"
#include "src/base/error.h"
#include "src/base/fd.h"
#include "src/value/value.h"

namespace mgmt::cli {

class AgentSocket {
 public:
  /// One line of JSON, without its end. May be called later, or never.
  using Reply = std::function<void(std::string)>;
  using Handler = std::function<void(const Value& request, Reply)>;

  /// Throws Error where there can be no socket.
  AgentSocket(Loop& loop, std::string path, Handler handler);
  /// Removes it.
  ~AgentSocket();
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;

  static constexpr std::size_t kMostRequest = 8192;
  static constexpr std::size_t kMostClients = 64;
  static constexpr Duration kPatience = std::chrono::seconds(10);

 private:
  struct Client;
  void accept();
  void read(std::uint64_t id);
  void write(std::uint64_t id);
  void answer(std::uint64_t id, std::string json);
  void drop(std::uint64_t id);

  Loop& loop_;
  std::string path_;
  Handler handler_;
  Fd folder_, listening_;
  std::string name_;
  Loop::FdWatch watch_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

struct Answer {
  Value value;
  /// As it came.
  std::string json;
};
/// Asks the agent behind a socket, and waits for its answer; none: no agent is there. Throws Error.
std::optional<Answer> ask_agent(const std::string& path, const Value& request,
                                std::chrono::duration<double> patience = AgentSocket::kPatience);

/// What stands under a key of a map; nullptr if it is no map, or has none.
const Value* member(const Value& value, std::string_view key);
/// The text there; "" if it is none.
std::string text_of(const Value& value, std::string_view key);

}  // namespace mgmt::cli

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/agent_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "src/base/path.h"
#include "src/value/json.h"

namespace mgmt::cli {

namespace {

// The path of a socket has room for 107 bytes, a prefix may be longer: reached through its folder's descriptor.
sockaddr_un address_of(const Fd& folder, const std::string& name) {
  std::string path = fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error(name + ": the name is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Fd open_folder(const std::string& path) { return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

bool may_ask(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

std::string error_json(std::string_view text) { return fmt::format(R"({{"error": {}}})", json_quote(text)); }

// Never waited for: as much as the kernel takes at once.
void refuse(int client, std::string_view why) {
  std::string line = error_json(why) + "\n";
  [[maybe_unused]] ssize_t put = ::send(client, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

const Value* member(const Value& value, std::string_view key) {
  const Map* map = value.get_if<Map>();
  auto found = map ? std::ranges::find(*map, key, &Map::value_type::first) : Map::const_iterator();
  return map && found != map->end() ? &found->second : nullptr;
}

std::string text_of(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  const auto* text = found ? found->get_if<std::string>() : nullptr;
  return text ? *text : "";
}

struct AgentSocket::Client {
  Client(Loop& loop, Fd connected) : fd(std::move(connected)), patience(loop) {}
  Fd fd;
  std::string in, out;
  std::size_t sent = 0;
  bool asked = false;
  Loop::Timer patience;
  Loop::FdWatch watch;  // before the descriptor goes
};

AgentSocket::AgentSocket(Loop& loop, std::string path, Handler handler)
    : loop_(loop), path_(std::move(path)), handler_(std::move(handler)), name_(base_name(path_)) {
  folder_ = open_folder(parent_path(path_));
  if (!folder_) throw Error::system(errno, "opening " + parent_path(path_));
  sockaddr_un address = address_of(folder_, name_);
  listening_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listening_) throw Error::system(errno, "making a socket");
  if (::unlinkat(folder_.get(), name_.c_str(), 0) != 0 && errno != ENOENT)
    throw Error::system(errno, "removing the old " + path_);
  // A socket's file is made with the mode that the socket has.
  if (::fchmod(listening_.get(), 0600) != 0 || ::bind(listening_.get(), generic(address), sizeof address) != 0 ||
      ::listen(listening_.get(), static_cast<int>(kMostClients)) != 0)
    throw Error::system(errno, "making " + path_);
  watch_ = Loop::FdWatch(loop_, listening_.get(), [this] { accept(); });
}

AgentSocket::~AgentSocket() {
  *alive_ = false;
  ::unlinkat(folder_.get(), name_.c_str(), 0);
}

void AgentSocket::accept() {
  for (;;) {
    Fd connected(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connected) return;
    if (!may_ask(connected.get())) {
      refuse(connected.get(), "it answers the user that it runs as, and root");
      continue;
    }
    if (clients_.size() >= kMostClients) {
      refuse(connected.get(), "too many questions at once");
      continue;
    }
    std::uint64_t id = ++last_id_;
    auto& client = *(clients_[id] = std::make_unique<Client>(loop_, std::move(connected)));
    client.patience.after(kPatience, [this, id] { drop(id); });
    client.watch = Loop::FdWatch(loop_, client.fd.get(), [this, id] { read(id); });
  }
}

// Posted: it may be called from the client's own watch.
void AgentSocket::drop(std::uint64_t id) {
  loop_.post([this, id, alive = alive_] {
    if (*alive) clients_.erase(id);
  });
}

void AgentSocket::read(std::uint64_t id) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  std::array<char, 4096> buffer;
  ssize_t got = ::recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop(id);  // it has gone
  if (client.asked) return;       // more than one line: nobody listens
  client.in.append(buffer.data(), static_cast<std::size_t>(got));
  std::size_t end = client.in.find('\n');
  if (end == client.in.npos && client.in.size() <= kMostRequest) return;
  client.asked = true;
  client.patience.cancel();
  if (end > kMostRequest) return answer(id, error_json("the question is too long"));
  Result<Value> request = value_from_json(std::string_view(client.in).substr(0, end));
  if (!request) return answer(id, error_json("the question is no JSON: " + request.error().text()));
  handler_(*request, [this, id, alive = alive_](std::string json) {
    if (*alive) answer(id, std::move(json));
  });
}

void AgentSocket::answer(std::uint64_t id, std::string json) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  found->second->out = std::move(json) + "\n";
  found->second->patience.after(kPatience, [this, id] { drop(id); });
  write(id);
}

void AgentSocket::write(std::uint64_t id) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  while (client.sent < client.out.size()) {
    ssize_t put = ::send(client.fd.get(), client.out.data() + client.sent, client.out.size() - client.sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      // Replaced from the loop, not from within the watch that may be calling.
      loop_.post([this, id, alive = alive_] {
        if (!*alive) return;
        auto waiting = clients_.find(id);
        if (waiting == clients_.end()) return;
        waiting->second->watch =
            Loop::FdWatch(loop_, waiting->second->fd.get(), [this, id] { write(id); }, Loop::FdWatch::For::Writing);
      });
      return;
    }
    if (put <= 0) break;
    client.sent += static_cast<std::size_t>(put);
  }
  drop(id);
}

std::optional<Answer> ask_agent(const std::string& path, const Value& request, std::chrono::duration<double> patience) {
  Fd folder = open_folder(parent_path(path));
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error::system(errno, "opening " + parent_path(path));
  }
  sockaddr_un address = address_of(folder, base_name(path));
  Fd agent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!agent) throw Error::system(errno, "making a socket");
  timeval limit{.tv_sec = std::chrono::ceil<std::chrono::seconds>(patience).count(), .tv_usec = 0};
  ::setsockopt(agent.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(agent.get(), generic(address), sizeof address) != 0) {
    // Nobody made one, or who did is dead.
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    throw Error::system(errno, "asking the agent at " + path);
  }
  std::string line = to_json(request) + "\n";
  // Who is refused is told why, and perhaps before this.
  if (::send(agent.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()) &&
      errno != EPIPE && errno != ECONNRESET)
    throw Error::system(errno, "asking the agent at " + path);
  std::string answer;
  std::array<char, 65536> buffer;
  for (;;) {
    ssize_t got = ::recv(agent.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      throw Error(fmt::format("the agent didn't answer within {} s", limit.tv_sec)).hint("it may be stopped, or busy");
    // An agent that closes without having read the question has answered all the same.
    if (got == 0 || (got < 0 && errno == ECONNRESET && answer.ends_with('\n'))) break;
    if (got < 0) throw Error::system(errno, "asking the agent at " + path);
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (!answer.ends_with('\n')) throw Error("the agent ended before it had answered");
  Result<Value> value = value_from_json(answer);
  if (!value) throw Error("the agent's answer isn't understood: " + value.error().text());
  if (std::string error = text_of(*value, "error"); !error.empty()) throw Error("the agent says: " + error);
  answer.pop_back();
  return Answer{std::move(*value), std::move(answer)};
}

}  // namespace mgmt::cli

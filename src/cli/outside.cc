// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/outside.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "src/base/text.h"
#include "src/value/json.h"

namespace mgmt::cli {
namespace {

// Some 100,000 units.
constexpr std::size_t kMostQuestions = std::size_t{16} << 20;
constexpr std::size_t kMostAnswers = std::size_t{256} << 20;

// A byte, and with it the descriptor. It fits what an empty socket takes.
void hand_in(int socket, int keep) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof keep)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (keep >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof keep);
    std::memcpy(CMSG_DATA(head), &keep, sizeof keep);
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != 1) throw Error::system(errno, "handing over to the plan");
}

Fd take(int socket) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  int kept = -1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof kept)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  while ((got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (got <= 0) return {};
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
      head->cmsg_len == CMSG_LEN(sizeof kept))
    std::memcpy(&kept, CMSG_DATA(head), sizeof kept);
  return Fd(kept);
}

// By kind, each once; what is no question isn't answered.
std::string answers_to(std::string_view questions) {
  std::map<const Kind*, std::vector<std::string>> by_kind;
  for (std::string_view line : split_lines(questions)) {
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const Kind* kind = find_kind(line.substr(0, space));
    if (kind && kind->answer) by_kind[kind].emplace_back(line.substr(space + 1));
  }
  List rows;
  for (const auto& [kind, asked] : by_kind) {
    std::vector<Value> answers = kind->answer(asked);
    for (std::size_t i = 0; i < std::min(asked.size(), answers.size()); ++i)
      rows.emplace_back(List{Value(std::string(kind->name)), Value(asked[i]), std::move(answers[i])});
  }
  return to_json(Value(std::move(rows)));
}

// All questions come first, up to the end of what the process inside writes.
[[noreturn]] void be_outside(int socket) {
  int status = 1;
  try {
    std::string questions = read_rest(socket, kMostQuestions, "the plan's questions");
    if (!questions.empty()) write_all(socket, answers_to(questions), "the answers to a plan");
    status = 0;
  } catch (const std::exception&) {  // who asked sees the end of the socket
  }
  // Nothing of the process that this is a copy of is to be ended twice.
  ::_exit(status);
}

}  // namespace

Outside::Outside(int keep) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::system(errno, "making a socket for the plan");
  Fd answers(ends[0]);
  inside_ = Fd(ends[1]);
  hand_in(answers.get(), keep);
  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) throw Error::system(errno, "starting a process");
  if (pid == 0) {
    // It goes when we go, even by SIGKILL.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != parent) ::_exit(1);
    inside_.reset();
    std::signal(SIGPIPE, SIG_IGN);
    be_outside(answers.get());
  }
  process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process_) return;
  Error failure = Error::system(errno, "watching the process that answers the plan");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  throw failure;
}

Outside::~Outside() {
  if (!process_) return;
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  // confine::run may have waited for it already.
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.get()), nullptr, WEXITED);
}

Inside::Inside(int socket) {
  int kind = 0, domain = 0;
  socklen_t size = sizeof kind;
  if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &kind, &size) != 0 || kind != SOCK_STREAM) return;
  size = sizeof domain;
  if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) return;
  socket_ = Fd(socket);
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  kept_ = take(socket);
}

std::shared_ptr<const Answers> Inside::ask(const ResourceGraph& graph) {
  auto answers = std::make_shared<Answers>();
  Fd socket = std::move(socket_);
  std::set<std::string> questions;
  for (const auto& declaration : graph.vertices)
    if (const Kind& kind = *declaration->kind; kind.question)
      questions.insert(std::string(kind.name).append(" ").append(kind.question(*declaration)));
  if (!socket || questions.empty()) return answers;
  try {
    std::string text;
    for (const std::string& question : questions) text += question + '\n';
    write_all(socket.get(), text, "the plan's questions");
    ::shutdown(socket.get(), SHUT_WR);
    Result<Value> rows = value_from_json(read_rest(socket.get(), kMostAnswers, "the answers to a plan"));
    const List* list = rows ? rows->get_if<List>() : nullptr;
    for (const Value& item : list ? *list : List()) {
      const List* row = item.get_if<List>();
      if (!row || row->size() != 3) continue;
      const auto *kind = (*row)[0].get_if<std::string>(), *question = (*row)[1].get_if<std::string>();
      if (kind && question) answers->add(*kind, *question, (*row)[2]);
    }
  } catch (const Error&) {  // what has no answer is unknown
  }
  return answers;
}

}  // namespace mgmt::cli

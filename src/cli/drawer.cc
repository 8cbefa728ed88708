// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/drawer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/events/signal/signals.h"
#include "src/resources/dot.h"

extern char** environ;

namespace mgmt::cli {

using namespace std::chrono_literals;

namespace {

std::vector<std::pair<std::string, std::string>> own_environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view text = *entry;
    if (std::size_t equals = text.find('='); equals != text.npos)
      all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

// A new, empty file that only we can read or write, and that nobody has put there for us.
Fd make_private(const std::string& path) {
  ::unlink(path.c_str());
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) throw Error::system(errno, "creating " + path);
  return fd;
}

}  // namespace

struct Drawer::Drawing {
  Drawing(Loop& loop, std::string to, std::uint64_t number)
      : path(std::filesystem::absolute(to).string()),
        shown(std::move(to)),
        source(fmt::format("{}.{}-{}.dot", path, ::getpid(), number)),
        picture(fmt::format("{}.{}-{}.new", path, ::getpid(), number)),
        timeout(loop) {}
  ~Drawing() {
    ::unlink(source.c_str());
    ::unlink(picture.c_str());
  }
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;

  std::string path;
  std::string shown;
  /// What dot reads, and what it writes until it is whole.
  std::string source, picture;
  Loop::Timer timeout;
  Child child;
  Loop::FdWatch ended, printed;
  std::string complaint;
};

Drawer::Drawer(Loop& loop, Duration limit, std::function<void(const Error&)> failed)
    : loop_(loop), limit_(limit), failed_(std::move(failed)), spawner_(loop) {}

bool Drawer::available() {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path ? path : ""; !rest.empty();) {
    std::string_view folder = rest.substr(0, rest.find(':'));
    if (!folder.empty() && ::access(fmt::format("{}/dot", folder).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
  }
  return false;
}

void Drawer::draw(const ResourceGraph& graph, const std::string& path) {
  give_up();
  if (!available())
    throw Error("no picture without Graphviz's `dot`").hint("apt install graphviz, or ask for a .dot file");
  drawing_ = std::make_shared<Drawing>(loop_, path, ++count_);
  try {
    write_all(make_private(drawing_->source).get(), to_dot(graph), drawing_->source);
    make_private(drawing_->picture);
  } catch (...) {
    give_up();
    throw;
  }
  std::string format = "-T" + path.substr(path.rfind('.') + 1);
  Command command{.argv = {"dot", std::move(format), "-o", drawing_->picture, drawing_->source},
                  .env = own_environment(),
                  .cwd = ""};
  spawner_.spawn(std::move(command), drawing_, [this](Result<Child> child) { on_started(std::move(child)); });
  if (limit_ == Duration(0)) return;
  drawing_->timeout.after(limit_, [this] {
    Error late = Error(fmt::format("drawing {} took more than {:g} s and was given up", drawing_->shown,
                                   std::chrono::duration<double>(limit_).count()))
                     .hint("`mgmt graph FILE -o out.dot` writes the text; sfdp draws large graphs faster than dot");
    failed_(late);
    end();
  });
}

void Drawer::on_started(Result<Child> child) {
  if (!child) {
    failed_(child.error());
    return end();
  }
  drawing_->child = std::move(*child);
  drawing_->child.out().reset();  // dot has nothing to say there
  drawing_->printed = Loop::FdWatch(loop_, drawing_->child.err().get(), [this] { on_printed(); });
  drawing_->ended = Loop::FdWatch(loop_, drawing_->child.pidfd(), [this] { on_ended(); });
}

void Drawer::on_printed() {
  constexpr std::size_t kKept = 4096;
  std::array<char, 4096> buffer;
  for (;;) {
    ssize_t got = ::read(drawing_->child.err().get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) drawing_->printed = {};
    if (got <= 0) return;
    std::string& said = drawing_->complaint;
    said.append(buffer.data(), std::min(static_cast<std::size_t>(got), kKept - said.size()));
  }
}

void Drawer::on_ended() {
  on_printed();
  Drawing& drawing = *drawing_;
  drawing.ended = {};
  drawing.printed = {};
  Ending ending = drawing.child.reap();
  auto fail = [&](const std::string& why) {
    failed_(Error(fmt::format("`dot` could not draw {}: {}", drawing.shown, why)));
  };
  auto lines = split_lines(drawing.complaint);
  if (ending.signal != 0) fail(fmt::format("it was killed by signal {}", ending.signal));
  else if (ending.status != 0)
    fail(lines.empty() ? fmt::format("exit status {}", ending.status) : printable(lines.front()));
  else if (::chmod(drawing.picture.c_str(), 0644) != 0 || ::rename(drawing.picture.c_str(), drawing.path.c_str()) != 0)
    failed_(Error::system(errno, "writing " + drawing.shown));
  end();
}

void Drawer::give_up() { drawing_.reset(); }

void Drawer::end() {
  give_up();
  if (on_idle) on_idle();
}

bool is_picture(const std::string& path) { return path.ends_with(".svg") || path.ends_with(".png"); }

void check_target(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) throw Error::system(EISDIR, fmt::format("writing {}", printable(path)));
    throw Error(fmt::format("writing {}: it is not a regular file", printable(path)))
        .hint("name a file: it is replaced as a whole");
  }
  // Only trying tells: file systems have their own rules.
  std::string trial = fmt::format("{}.{}.new", path, ::getpid());
  ::unlink(trial.c_str());
  Fd fd(::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) throw Error::system(errno, fmt::format("writing {}", printable(path)));
  ::unlink(trial.c_str());
}

int draw_and_wait(const ResourceGraph& graph, const std::string& path) {
  Loop loop;
  int status = 0;
  // First: threads inherit what is blocked.
  events::Signals signals(loop, {SIGINT, SIGTERM, SIGHUP}, [&](int signal) {
    status = 128 + signal;
    loop.stop();
  });
  std::optional<Error> failure;
  Drawer drawer(loop, 0s, [&](const Error& error) { failure = error; });
  drawer.on_idle = [&] { loop.stop(); };
  drawer.draw(graph, path);
  loop.run();
  if (failure) throw Error(*failure);
  return status;
}

}  // namespace mgmt::cli

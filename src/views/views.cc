// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/views.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/views/json.h"
#include "src/views/lines.h"
#include "src/views/terminal.h"
#include "src/views/writer.h"

namespace mgmt::views {
namespace {

// A terminal that knows how to erase a line.
bool is_capable_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && term && *term != '\0' && std::string_view(term) != "dumb";
}

std::size_t columns_of(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Whether systemd reads it: JOURNAL_STREAM is "device:inode" of what the service's output was when it began.
bool is_journal(int fd) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (!stream || ::fstat(fd, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

}  // namespace

bool use_color(const Options& options) {
  if (options.color != Color::Auto) return options.color == Color::Always;
  // https://no-color.org: set and not empty.
  const char* no_color = std::getenv("NO_COLOR");
  return is_capable_terminal(options.fd) && (!no_color || *no_color == '\0');
}

std::unique_ptr<report::Reader> make_reader(const Options& options) {
  if (options.format == Format::None) return nullptr;
  Fd out(fcntl(options.fd, F_DUPFD_CLOEXEC, 3));
  if (!out) {
    if (errno == EBADF) return nullptr;
    throw Error::system(errno, "opening the report's output");
  }
  Prose prose{.color = use_color(options), .level = options.level, .quiet = options.quiet};
  std::unique_ptr<View> view;
  if (options.format == Format::Json) {
    view = std::make_unique<Json>(options.level);
  } else if (options.format == Format::Terminal ||
             (options.format == Format::Auto && is_capable_terminal(options.fd))) {
    prose.interactive = true;
    view = std::make_unique<Terminal>(prose, [fd = out.get()] { return columns_of(fd); });
  } else {
    view =
        std::make_unique<Lines>(prose, is_journal(options.fd) ? Lines::Begins::WithPriority : Lines::Begins::WithTime);
  }
  return std::make_unique<Writer>(std::move(out), std::move(view));
}

}  // namespace mgmt::views

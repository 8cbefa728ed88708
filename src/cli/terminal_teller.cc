// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/terminal_teller.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "src/base/fd.h"
#include "src/base/text.h"

namespace mgmt::cli {

bool write_to_terminal(const Process& process, const std::string& line) {
  if (process.terminal.empty()) return false;
  Fd terminal(::open(process.terminal.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found{};
  if (!terminal || ::fstat(terminal.get(), &found) != 0) return false;
  // By now it may be somebody else's: of another login, or the one of another container.
  bool theirs = S_ISCHR(found.st_mode) && found.st_rdev == process.terminal_device &&
                (found.st_uid == process.uid || found.st_uid == 0) && ::isatty(terminal.get());
  if (!theirs) return false;
  std::string text = "\r\n" + line + "\r\n";
  return ::write(terminal.get(), text.data(), text.size()) > 0;  // what doesn't fit is cut: nobody waits for a terminal
}

void TerminalTeller::on_event(const report::Event& event) {
  const auto* changed = std::get_if<report::Changed>(&event.body);
  if (!changed || !changed->repair || changed->dry || !changed->by || changed->by->terminal.empty()) return;
  const std::string& terminal = changed->by->terminal;
  auto [at, fresh] = told_.try_emplace(terminal, loop_);
  Told& told = at->second;
  told.last = *changed->by;
  if (!fresh) {
    ++told.more;
    return;
  }
  std::string place = place_(changed->resource);
  std::string line =
      fmt::format("mgmt: repaired {}{}{}; `mgmt pause '{}' --for 30m` lets you change it", printable(changed->resource),
                  place.empty() ? "" : " from ", printable(place), printable(changed->resource));
  if (!write_to_terminal(told.last, line)) {
    told_.erase(at);
    return;
  }
  told.pause.after(kPause, [this, terminal] { go_on(terminal); });
}

void TerminalTeller::go_on(const std::string& terminal) {
  auto found = told_.find(terminal);
  if (found == told_.end()) return;
  Told& told = found->second;
  std::size_t more = std::exchange(told.more, 0);
  if (more == 0 || !write_to_terminal(told.last, fmt::format("mgmt: and {} more; see `mgmt history`", more))) {
    told_.erase(found);
    return;
  }
  told.pause.after(kPause, [this, terminal] { go_on(terminal); });
}

}  // namespace mgmt::cli

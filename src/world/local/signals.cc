// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/world/local/signals.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "src/world/local/name_lock.h"
#include "src/world/local/prefix.h"

namespace mgmt::world::local {

Signals::Signals(const std::string& prefix)
    : path_(ensure_db_folder(prefix) + "/changed"),
      presence_(ensure_presence_folder(prefix)),
      events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  int failure = errno;
  open_changed();
  if (events_) arm();
  else missing_ = Error::system(failure, "inotify_init1").text();
}

void Signals::open_changed() {
  changed_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!changed_) throw Error::system(errno, "opening " + path_);
}

void Signals::arm() {
  changed_watch_ = ::inotify_add_watch(events_.get(), path_.c_str(), IN_MODIFY);
  if (changed_watch_ >= 0)
    presence_watch_ =
        ::inotify_add_watch(events_.get(), presence_.c_str(), IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR);
  if (changed_watch_ >= 0 && presence_watch_ >= 0) return;
  missing_ = Error::system(errno, "inotify_add_watch").text();
  events_.reset();
}

Signals::Seen Signals::take() {
  Seen seen;
  bool gone = false;
  alignas(inotify_event) char buffer[16 * 1024];
  while (events_) {
    ssize_t got = ::read(events_.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    for (const char* at = buffer; at < buffer + got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      bool all = (event->mask & IN_Q_OVERFLOW) != 0;
      seen.changed |= all || event->wd == changed_watch_;
      seen.presence |= all || event->wd == presence_watch_;
      gone |= (event->mask & IN_IGNORED) != 0;
    }
  }
  // Somebody removed what is watched: have it again, and look whether something was missed.
  if (gone) {
    open_changed();
    arm();
    seen = {true, true};
  }
  return seen;
}

void Signals::touch() {
  struct stat st{};
  if (::fstat(changed_.get(), &st) == 0 && st.st_nlink == 0) open_changed();
  if (::pwrite(changed_.get(), "1", 1, 0) != 1) throw Error::system(errno, "writing " + path_);
}

}  // namespace mgmt::world::local

// SPDX-License-Identifier: GPL-3.0-or-later
// drift FOLDER: the bare repair loop: whichever f<number> is deleted in the folder is made again. Runs until it is
// killed; prints "ready" when armed.
#include <sys/inotify.h>

#include "common.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  int folder = open_folder(argv[1]);
  int events = inotify_init1(IN_CLOEXEC);
  if (events < 0 || inotify_add_watch(events, argv[1], IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0) die(argv[1]);
  puts("ready");
  fflush(stdout);
  char buffer[65536] __attribute__((aligned(8)));
  for (ssize_t got; (got = read(events, buffer, sizeof buffer)) > 0;) {
    const struct inotify_event* event;
    for (char* at = buffer; at < buffer + got; at += sizeof *event + event->len) {
      event = (const struct inotify_event*)at;
      if (event->len == 0 || event->name[0] != 'f') continue;
      char text[64];
      replace_file(folder, event->name, text, content_of(atoi(event->name + 1), text, sizeof text), 0);
    }
  }
  die("read");
}

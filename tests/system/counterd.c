// SPDX-License-Identifier: GPL-3.0-or-later
// A real daemon for tests: counterd CONFIG LOG [SECONDS]
// It adds a line to LOG for what it does: "start TEXT" when it has started (after SECONDS, and then says so to
// systemd), "reload TEXT" for each SIGHUP, "stop" for SIGTERM. TEXT is CONFIG's first line; a line that begins with
// "broken" ends it with status 3, and a message on stderr.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void note(const char* log, const char* what, const char* text) {
  char line[512];
  int length = snprintf(line, sizeof line, "%s%s%s\n", what, *text ? " " : "", text);
  int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, line, (size_t)length) != length) {
    perror(log);
    exit(1);
  }
  close(fd);
}

static void configure(const char* config, const char* log, const char* what) {
  char text[256] = "";
  FILE* file = fopen(config, "re");
  if (file) {
    if (!fgets(text, sizeof text, file)) text[0] = 0;
    fclose(file);
  }
  text[strcspn(text, "\n")] = 0;
  if (strncmp(text, "broken", 6) == 0) {
    fprintf(stderr, "counterd: the configuration is %s\n", text);
    exit(3);
  }
  note(log, what, text);
}

// As sd_notify(3) does.
static void tell_systemd(const char* state) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (!path) return;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path) return;
  memcpy(address.sun_path, path, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendto(fd, state, strlen(state), 0, (struct sockaddr*)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
    perror("telling systemd");
  close(fd);
}

int main(int count, char** words) {
  if (count < 3) {
    fprintf(stderr, "usage: counterd CONFIG LOG [SECONDS]\n");
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  if (count > 3) usleep((useconds_t)(atof(words[3]) * 1e6));
  configure(words[1], words[2], "start");
  tell_systemd("READY=1");
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGTERM) break;
    configure(words[1], words[2], "reload");
  }
  note(words[2], "stop", "");
  return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
// spawn COUNT: starts /bin/true COUNT times without waiting in between, then waits for all.
#include <spawn.h>
#include <sys/wait.h>

#include "common.h"

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1000;
  for (int i = 0; i < count; ++i) {
    char* arguments[] = {"true", NULL};
    pid_t pid;
    errno = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ);
    if (errno != 0) die("posix_spawn");
  }
  while (count > 0 && wait(NULL) > 0) --count;
  return count;
}

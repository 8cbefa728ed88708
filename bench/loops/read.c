// SPDX-License-Identifier: GPL-3.0-or-later
// read FOLDER COUNT: opens, stats, reads and compares f0..fN-1: what a check of files that are fine can't go below.
#include "common.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  int folder = open_folder(argv[1]);
  int count = atoi(argv[2]);
  for (int i = 0; i < count; ++i) {
    char name[32], text[64], found[64];
    struct stat status;
    snprintf(name, sizeof name, "f%d", i);
    int length = content_of(i, text, sizeof text);
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) != 0) die(name);
    if ((status.st_mode & 07777) != 0644 || read(fd, found, sizeof found) != length ||
        memcmp(text, found, (size_t)length))
      return fprintf(stderr, "%s differs\n", name), 1;
    close(fd);
  }
  return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
// measure_drift FOLDER FILES REPEATS SEED: deletes a random f<number> and spins until it is there again, REPEATS times.
// The same measure for mgmt and for the bare loop. Spinning on stat adds less than a wake-up would.
#include "common.h"

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  int folder = open_folder(argv[1]);
  int files = atoi(argv[2]), repeats = atoi(argv[3]), count = 0, missed = 0;
  srand((unsigned)atoi(argv[4]));
  int64_t* times = calloc((size_t)repeats, sizeof *times);
  for (int i = 0; i < repeats; ++i) {
    char name[32];
    struct stat status;
    snprintf(name, sizeof name, "f%d", rand() % files);
    int64_t began = now_ns(), ended;
    if (unlinkat(folder, name, 0) != 0) die(name);
    do ended = now_ns();
    while (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 && ended - began < 5000000000);
    if (ended - began < 5000000000) times[count++] = ended - began;
    else ++missed;
    // 1 to 3 ms of rest: each repair begins in a program that sleeps.
    struct timespec rest = {.tv_nsec = 1000000 + rand() % 2000000};
    nanosleep(&rest, NULL);
  }
  print_percentiles(times, count, missed);
  return missed > 0;
}

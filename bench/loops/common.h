// SPDX-License-Identifier: GPL-3.0-or-later
// What the bare loops share. They are written for the bench alone: what the same system calls cost without mgmt.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static inline _Noreturn void die(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int open_folder(const char* path) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) die(path);
  return folder;
}

// The content that the bench's graphs declare for f<number> (bench/harness.py: content_of).
static inline int content_of(int number, char* out, size_t size) {
  return snprintf(out, size, "content of file %d\n", number);
}

// A file appears whole or not at all: temporary file, content, mode, its data on the disk if asked for, rename.
static inline void replace_file(int folder, const char* name, const char* text, int length, int synced) {
  char temporary[300];
  snprintf(temporary, sizeof temporary, ".%s.new", name);
  int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) die(temporary);
  if (write(fd, text, (size_t)length) != length) die("write");
  if (fchmod(fd, 0644) != 0) die("fchmod");
  if (synced && fsync(fd) != 0) die("fsync");
  if (renameat(folder, temporary, folder, name) != 0) die("rename");
  close(fd);
}

static inline int compare_ns(const void* a, const void* b) {
  int64_t x = *(const int64_t*)a, y = *(const int64_t*)b;
  return (x > y) - (x < y);
}

// Sorts, and prints one line of JSON: {"n": 1000, "p50_us": 23.1, "p99_us": 60.0, "max_us": 80.5, ...}
static inline void print_percentiles(int64_t* ns, int n, int missed) {
  qsort(ns, (size_t)n, sizeof *ns, compare_ns);
  double p50 = n ? (double)ns[n / 2] / 1e3 : 0, p99 = n ? (double)ns[n * 99 / 100] / 1e3 : 0;
  double max = n ? (double)ns[n - 1] / 1e3 : 0;
  printf("{\"n\": %d, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"missed\": %d}\n", n, p50, p99, max,
         missed);
  fflush(stdout);
}

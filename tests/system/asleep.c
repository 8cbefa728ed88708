// SPDX-License-Identifier: GPL-3.0-or-later
// A library that takes the place of the kernel for one thing, which no test can make it do: the machine sleeps. A
// program that is started with it (LD_PRELOAD) has slept for as many hours as bytes were written to the FIFO named by
// $ASLEEP, and is told of each byte as by a timer that TFD_TIMER_CANCEL_ON_SET has cancelled.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int fifo = -1;
static _Atomic long hours;

int timerfd_create(int clock, int flags) {
  if (clock != CLOCK_REALTIME) return (int)syscall(SYS_timerfd_create, clock, flags);
  fifo = open(getenv("ASLEEP"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return fifo;
}

// It is set anew each time that its jump has been read.
int timerfd_settime(int fd, int flags, const struct itimerspec* new_value, struct itimerspec* old_value) {
  if (fd != fifo) return (int)syscall(SYS_timerfd_settime, fd, flags, new_value, old_value);
  return 0;
}

ssize_t read(int fd, void* buffer, size_t size) {
  ssize_t got = syscall(SYS_read, fd, buffer, size);
  if (fd == fifo && got > 0) hours += got;
  return got;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_BOOTTIME) time->tv_sec += hours * 3600;
  return result;
}

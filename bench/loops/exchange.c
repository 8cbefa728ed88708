// SPDX-License-Identifier: GPL-3.0-or-later
// exchange FOLDER ROUNDS REST_MS [synced]: two processes and one SQLite store (WAL, synchronous=NORMAL): the one
// commits a value and touches a small file; the other, watching that file, reads the value and replaces a file (synced:
// its data is on the disk before the rename). Prints a line of JSON: the time from before the commit to after the
// rename.
#include <signal.h>
#include <sqlite3.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#include "common.h"

static sqlite3* open_store(void) {
  sqlite3* store;
  if (sqlite3_open("store.db", &store) != SQLITE_OK || sqlite3_busy_timeout(store, 5000) != SQLITE_OK ||
      sqlite3_exec(store,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                   "CREATE TABLE IF NOT EXISTS entry(key TEXT PRIMARY KEY, revision INTEGER, value BLOB)",
                   NULL, NULL, NULL) != SQLITE_OK) {
    fprintf(stderr, "store.db: %s\n", sqlite3_errmsg(store));
    exit(1);
  }
  return store;
}

static sqlite3_stmt* prepare(sqlite3* store, const char* text) {
  sqlite3_stmt* statement;
  if (sqlite3_prepare_v2(store, text, -1, &statement, NULL) != SQLITE_OK) {
    fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(store));
    exit(1);
  }
  return statement;
}

static void reader(int done, int synced) {
  sqlite3* store = open_store();
  sqlite3_stmt* select = prepare(store, "SELECT revision, value FROM entry WHERE revision > ?1");
  int folder = open_folder("."), events = inotify_init1(IN_CLOEXEC);
  if (events < 0 || inotify_add_watch(events, "signal", IN_MODIFY) < 0) die("signal");
  int64_t now = now_ns(), last = 0;
  if (write(done, &now, sizeof now) != sizeof now) die("pipe");
  char buffer[4096] __attribute__((aligned(8)));
  while (read(events, buffer, sizeof buffer) > 0) {
    sqlite3_bind_int64(select, 1, last);
    while (sqlite3_step(select) == SQLITE_ROW) {
      last = sqlite3_column_int64(select, 0);
      replace_file(folder, "out", (const char*)sqlite3_column_blob(select, 1), sqlite3_column_bytes(select, 1), synced);
      now = now_ns();
      if (write(done, &now, sizeof now) != sizeof now) die("pipe");
    }
    sqlite3_reset(select);
  }
}

int main(int argc, char** argv) {
  if (argc < 4 || chdir(argv[1]) != 0) return 2;
  int rounds = atoi(argv[2]), rest_ms = atoi(argv[3]), ends[2];
  int64_t* times = calloc((size_t)rounds, sizeof *times);
  int signal_file = open("signal", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (signal_file < 0 || pipe2(ends, O_CLOEXEC) != 0) die("pipe");
  sqlite3_close(open_store());
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    reader(ends[1], argc > 4);
    return 1;
  }
  sqlite3* store = open_store();
  sqlite3_stmt* put = prepare(store, "INSERT OR REPLACE INTO entry VALUES('a', ?1, ?2)");
  int64_t renamed;
  if (read(ends[0], &renamed, sizeof renamed) != sizeof renamed) die("reader");
  for (int i = 0; i < rounds; ++i) {
    char text[64];
    int length = content_of(i, text, sizeof text);
    sqlite3_bind_int64(put, 1, i + 1);
    sqlite3_bind_blob(put, 2, text, length, SQLITE_STATIC);
    int64_t began = now_ns();
    if (sqlite3_step(put) != SQLITE_DONE) die(sqlite3_errmsg(store));
    sqlite3_reset(put);
    if (pwrite(signal_file, "1", 1, 0) != 1) die("signal");
    if (read(ends[0], &renamed, sizeof renamed) != sizeof renamed) die("reader");
    times[i] = renamed - began;
    struct timespec rest = {.tv_nsec = rest_ms * 1000000L};
    nanosleep(&rest, NULL);
  }
  print_percentiles(times, rounds, 0);
  return 0;
}

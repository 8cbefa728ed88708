// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/fd.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "src/base/error.h"

namespace mgmt {
namespace {

TEST(ReadFile, OneOfTheKernelsThatSaysItIsEmptyIsReadWhole) {
  EXPECT_EQ(read_file("/proc/sys/kernel/random/boot_id").size(), 37u);  // a UUID and a line end
}

TEST(ReadFile, ALongOneIsReadWholeAndBeyondTheLimitRefused) {
  char name[] = "/tmp/mgmt-fd-XXXXXX";
  Fd fd(::mkstemp(name));
  ASSERT_TRUE(fd);
  std::string text(100'000, 'x');
  write_all(fd.get(), text, name);
  EXPECT_EQ(read_file(name), text);
  EXPECT_THROW(read_file(name, text.size() - 1), Error);
  ::unlink(name);
}

TEST(ReadFile, AFifoHoldsNobodyUp) {
  char name[] = "/tmp/mgmt-fd-XXXXXX";
  ASSERT_TRUE(::mkdtemp(name));
  std::string fifo = std::string(name) + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THROW(read_file(fifo), Error);
  EXPECT_THROW(read_file("/dev/zero"), Error);
  ::unlink(fifo.c_str());
  ::rmdir(name);
}

TEST(ReadFile, WhatAShellHandsOverIsReadToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd out(ends[0]), in(ends[1]);
  std::thread writer([&] {
    write_all(in.get(), "graph: ", "the pipe");
    write_all(in.get(), "g", "the pipe");
    in.reset();
  });
  EXPECT_EQ(read_file("/proc/self/fd/" + std::to_string(out.get())), "graph: g");
  writer.join();
}

}  // namespace
}  // namespace mgmt

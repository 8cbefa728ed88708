// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/fd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

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

}  // namespace
}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace mgmt {
namespace {

TEST(Error, SystemErrorSaysWhatWasDoneAndTheSystemsWords) {
  Error error = Error::system(ENOENT, "opening /nope");
  EXPECT_EQ(error.text(), "opening /nope: No such file or directory");
  EXPECT_EQ(error.code(), ENOENT);
}

TEST(Error, ContextIsAddedOutermostFirstAndKeepsHintAndCode) {
  Error error = Error::system(EACCES, "opening /x").hint("run as root").while_doing("copying /y");
  EXPECT_EQ(error.text(), "copying /y: opening /x: Permission denied");
  EXPECT_EQ(error.hint_text(), "run as root");
  EXPECT_EQ(error.code(), EACCES);
}

}  // namespace
}  // namespace mgmt

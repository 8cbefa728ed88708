// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/owner.h"

#include <gtest/gtest.h>

#include "src/base/error.h"

namespace mgmt::file {
namespace {

TEST(Owner, NamesAndNumbers) {
  EXPECT_EQ(user_id("root"), 0U);
  EXPECT_EQ(user_id("daemon"), 1U);
  EXPECT_EQ(user_id("4242"), 4242U);
  EXPECT_EQ(group_id("root"), 0U);
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(group_name(0), "root");
  EXPECT_EQ(user_name(4242424), "4242424") << "one without a name";
}

TEST(Owner, AnUnknownNameIsAnErrorEachTime) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_THROW(user_id("no-such-user"), Error);
    EXPECT_THROW(group_id("no-such-group"), Error);
  }
  EXPECT_THROW(user_id("4294967295"), Error) << "to chown(2) it means: leave it";
  EXPECT_THROW(user_id("-1"), Error);
}

}  // namespace
}  // namespace mgmt::file

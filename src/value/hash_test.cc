// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/hash.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(Hash, HmacIsThatOfTheStandard) {
  // RFC 4231, test case 2.
  EXPECT_EQ(hmac_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hash, ARandomKeyIsAnotherEachTime) {
  EXPECT_EQ(random_key().size(), 64u);
  EXPECT_NE(random_key(), random_key());
}

}  // namespace
}  // namespace mgmt

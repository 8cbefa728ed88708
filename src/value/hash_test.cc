// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/hash.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(Hash, Sha256IsThatOfTheStandard) {
  // FIPS 180-4, its example of one block; and of none.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

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

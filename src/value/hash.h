// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mgmt {

/// SHA-256 (FIPS 180-4, by Nettle), piece by piece; `hex()` once at the end.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view data);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view data);

/// HMAC-SHA-256 (RFC 2104), in hex.
std::string hmac_hex(std::string_view key, std::string_view data);
/// 32 bytes that nobody can guess, in hex.
std::string random_key();

}  // namespace mgmt

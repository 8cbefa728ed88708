// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/hash.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <span>

#include "src/base/error.h"

namespace mgmt {
namespace {

const std::uint8_t* bytes_of(std::string_view data) { return reinterpret_cast<const std::uint8_t*>(data.data()); }

std::string hex_of(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

struct Sha256::State {
  sha256_ctx context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }

Sha256::~Sha256() = default;

void Sha256::add(std::string_view data) { sha256_update(&state_->context, data.size(), bytes_of(data)); }

std::string Sha256::hex() {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(&state_->context, digest.size(), digest.data());
  return hex_of(digest);
}

std::string sha256_hex(std::string_view data) {
  Sha256 hash;
  hash.add(data);
  return hash.hex();
}

std::string hmac_hex(std::string_view key, std::string_view data) {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, key.size(), bytes_of(key));
  hmac_sha256_update(&context, data.size(), bytes_of(data));
  hmac_sha256_digest(&context, digest.size(), digest.data());
  return hex_of(digest);
}

std::string random_key() {
  std::array<std::uint8_t, 32> key{};
  // Up to 256 bytes come whole; before the kernel has gathered its first randomness a signal may break the wait.
  while (::getrandom(key.data(), key.size(), 0) < 0)
    if (errno != EINTR) throw Error::system(errno, "asking the kernel for random numbers");
  return hex_of(key);
}

}  // namespace mgmt

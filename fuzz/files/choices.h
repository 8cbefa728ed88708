// SPDX-License-Identifier: GPL-3.0-or-later
// Choices: what an input decides, one byte each; where it ends the first one is chosen.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mgmt::fuzz {

class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  bool any() const { return at_ < end_; }
  unsigned below(unsigned count) { return any() ? *at_++ % count : 0; }
  template <class T, std::size_t N>
  const T& of(const T (&all)[N]) {
    return all[below(N)];
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace mgmt::fuzz

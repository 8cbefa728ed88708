// SPDX-License-Identifier: GPL-3.0-or-later
// Mask: hides known texts wherever they stand in others.
//
//   Mask mask;
//   mask.add("hunter2");
//   mask.hide(line);      // "password=hunter2" → "password=***"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/value/delta.h"
#include "src/value/value.h"

namespace mgmt {

class Mask {
 public:
  /// What is shorter stands everywhere by chance.
  static constexpr std::size_t kShortest = 4;
  static constexpr std::string_view kShown = "***";

  /// The text, and each of its lines: output comes line by line.
  void add(std::string_view text);
  /// All texts in it.
  void add(const Value& value);
  void add(const Mask& other);
  bool empty() const { return texts_.empty(); }

  void hide(std::string& text) const;
  void hide(Value& value) const;
  void hide(Delta& delta) const;

 private:
  void add_one(std::string_view text);
  /// The longest first: one may be a part of another.
  std::vector<std::string> texts_;
};

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
// Value: what a parameter can hold. Type: what it is declared to hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mgmt {

class Value;
using List = std::vector<Value>;
/// In the order of its keys, which are unique.
using Map = std::vector<std::pair<std::string, Value>>;

/// A nested type. The element lives as long as the program: `constexpr Type kStrList = list_of(kStr)`.
struct Type {
  enum class Base : std::uint8_t { Bool, Int, Float, Str, Duration, List, Map };
  Base base = Base::Str;
  const Type* element = nullptr;
};

constexpr Type kBool{Type::Base::Bool};
constexpr Type kInt{Type::Base::Int};
constexpr Type kFloat{Type::Base::Float};
constexpr Type kStr{Type::Base::Str};
/// A text with its unit, in the form of duration_text(): "500ms", "5s", "2m".
constexpr Type kDuration{Type::Base::Duration};
constexpr Type list_of(const Type& element) { return {Type::Base::List, &element}; }
constexpr Type map_of(const Type& element) { return {Type::Base::Map, &element}; }

/// "str", "list of str", "map of str to int": as documentation shows it.
std::string type_name(const Type& type);

class Value {
 public:
  /// No value: what a parameter that is absent is shown as.
  Value() = default;
  explicit Value(bool value) : data_(value) {}
  explicit Value(std::int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  explicit Value(std::string value) : data_(std::move(value)) {}
  explicit Value(const char* value) : data_(std::string(value)) {}
  explicit Value(List value) : data_(std::move(value)) {}
  explicit Value(Map value) : data_(std::move(value)) {}

  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&data_);
  }
  /// Throws std::bad_variant_access where the type is another: a mistake in the program, not of the user.
  template <class T>
  const T& get() const {
    return std::get<T>(data_);
  }
  const auto& data() const { return data_; }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

/// As a person reads it: strings bare, lists as [a, b]; control characters escaped.
std::string to_text(const Value& value);

/// Mixes the value into `seed`; equal values give equal results within one process.
std::size_t hash_value(const Value& value, std::size_t seed);

}  // namespace mgmt

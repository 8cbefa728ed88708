// SPDX-License-Identifier: GPL-3.0-or-later
// Parameter tables: everything that is to be known about a parameter, written once. Binding, validation,
// documentation, the JSON schema and comparison in a graph swap all come from these.
//
//   inline constexpr Param kPrintParams[] = {
//       {.name = "msg", .type = kStr, .doc = "The text to print."},
//   };
//   constexpr ParamIndex kMsg = param_index(kPrintParams, "msg");   // a wrong name doesn't compile
//   const std::string* msg = declaration.params.find<std::string>(kMsg);   // nullptr: not set
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/error.h"
#include "src/value/value.h"

namespace mgmt {

class Mask;

/// Where something stands in a source text. `file` indexes the graph's list of sources; line and column
/// count from 1 (columns in characters), 0 means unknown.
struct SourcePos {
  std::uint32_t line = 0;
  std::uint16_t column = 0;
  std::uint16_t file = 0;
};

/// A few words in a constexpr table.
struct Words {
  std::array<std::string_view, 8> words{};
  constexpr std::size_t size() const {
    std::size_t count = 0;
    while (count < words.size() && !words[count].empty()) ++count;
    return count;
  }
  constexpr std::span<const std::string_view> span() const { return {words.data(), size()}; }
  constexpr bool contains(std::string_view word) const {
    for (std::string_view candidate : span())
      if (candidate == word) return true;
    return false;
  }
};

struct Param {
  std::string_view name;
  Type type = kStr;
  /// One or a few sentences, markdown.
  std::string_view doc;
  /// What an unset parameter means, as documentation shows it ("the name", "0755"); empty: stays as found.
  std::string_view default_text = {};
  bool required = false;
  bool secret = false;
  /// The only words allowed; empty: any.
  Words values = {};
  /// Inclusive bounds of a number; of a duration in milliseconds.
  std::optional<std::int64_t> min = {};
  std::optional<std::int64_t> max = {};
  /// Of a duration: what a number without a unit means, "s" or "ms".
  std::string_view unit = {};
  constexpr bool is_duration() const { return type.base == Type::Base::Duration; }
  /// Other names that are read as this one.
  Words aliases = {};
  /// Checks a string and gives its canonical form for comparison (`0644` for `u=rw,go=r`), or says what
  /// is wrong with it.
  Result<std::string> (*canonical)(std::string_view) = nullptr;
  /// May be the target, the source of send/receive.
  bool receives = false;
  bool sends = false;
  /// The wire version that exported resources know it from.
  std::uint16_t since = 1;
};

/// A key that used to mean something: accepted with one note, without effect.
struct ObsoleteParam {
  std::string_view name;
  /// "mgmt of 2016 read it, and it had no effect"
  std::string_view note;
};

using ParamIndex = std::uint8_t;

consteval ParamIndex param_index(std::span<const Param> table, std::string_view name) {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].name == name) return static_cast<ParamIndex>(i);
  throw "no parameter of that name in the table";
}

/// The parameter named `name` (or one of its aliases), nullptr if there is none.
const Param* find_param(std::span<const Param> table, std::string_view name);

/// All names a user may write, for "did you mean".
std::vector<std::string_view> param_names(std::span<const Param> table);

/// Checks what the type alone doesn't say: closed values, range, canonical form. Returns the value to be
/// stored (strings in canonical form), or the cause, and a hint. A duration may also be an int, in its unit.
Result<Value> check_value(const Param& param, Value value);

/// Reads a scalar's source text by the parameter's type: strings stay as written, `no` is a string for a
/// str and false for a bool. Error: the cause, with a hint.
Result<Value> parse_scalar(const Type& type, std::string_view text);

/// The parameters that a declaration sets, in the order of their table.
class Params {
 public:
  struct Item {
    Value value;
    SourcePos pos;
    ParamIndex index = 0;
    /// The value is, or holds, a secret, whatever the table says of the parameter.
    bool secret = false;
  };

  /// The value as T, nullptr if not set.
  template <class T>
  const T* find(ParamIndex index) const {
    const Item* item = find_item(index);
    return item ? &item->value.get<T>() : nullptr;
  }
  template <class T>
  T get_or(ParamIndex index, T fallback) const {
    const T* value = find<T>(index);
    return value ? *value : fallback;
  }
  /// The value of a duration.
  std::optional<std::chrono::milliseconds> find_duration(ParamIndex index) const;
  bool has(ParamIndex index) const { return find_item(index) != nullptr; }
  const Item* find_item(ParamIndex index) const;
  /// The position of a parameter's value, `fallback` if it is not set.
  SourcePos pos_or(ParamIndex index, SourcePos fallback) const;

  /// The position of the n-th item of a list or key of a map; the value's where it isn't known.
  SourcePos item_pos(ParamIndex index, std::size_t n, SourcePos fallback) const;

  /// Replaces a value that is there.
  void set(ParamIndex index, Value value, SourcePos pos);
  void reset(ParamIndex index);
  /// Where the items of a list, or the keys of a map, stand.
  void place_items(ParamIndex index, std::vector<SourcePos> places);
  /// The value that is set is a secret, or holds these.
  void taint(ParamIndex index);
  void taint(ParamIndex index, const Mask& texts);
  /// The texts of all that is tainted; null: nothing is.
  const Mask* secrets() const { return secrets_.get(); }
  void shrink_to_fit() { items_.shrink_to_fit(); }
  std::span<const Item> items() const { return items_; }

  /// Equal if the values are, wherever they are written.
  friend bool operator==(const Params& a, const Params& b);

 private:
  std::vector<Item> items_;
  std::shared_ptr<const Mask> secrets_;
  using Places = std::vector<std::pair<ParamIndex, std::vector<SourcePos>>>;
  std::shared_ptr<const Places> places_;
};

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
// NodeReader: the parts that every mapping, list and value of a graph's text is read with. Reports what is
// wrong, skips it and goes on, so that all errors of a file are found at once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/frontends/yaml/events.h"
#include "src/frontends/yaml/yaml.h"
#include "src/value/mask.h"
#include "src/value/param.h"

namespace mgmt::yaml {

struct Key {
  std::string text;
  SourcePos pos;
};

struct PlacedValue {
  Value value;
  SourcePos pos;
  /// Where the items of a list, or the keys of a map, stand.
  std::vector<SourcePos> items = {};
  /// What of it is secret; none: nothing.
  std::optional<Mask> secrets = std::nullopt;
  const std::string& text() const { return value.get<std::string>(); }
};

/// Where a secret stands in the text, and what it is.
struct FoundSecret {
  SourcePos pos;
  std::uint32_t last_line = 0;
  /// It is the text itself that stands there, not the name of where it is read from.
  bool is_written = false;
  std::string text;
};

class NodeReader {
 public:
  NodeReader(std::string_view text, Diagnostics& diagnostics, const Outside& outside, std::uint16_t file)
      : events_(text, diagnostics, file), diagnostics_(&diagnostics), outside_(outside) {}

  /// A tag of a secret is an error here: it means something before a parameter's value only.
  Event next();
  /// Reads to the end of the node that begins with `first`.
  void skip(const Event& first);
  void skip_next() { skip(next()); }

  /// After a MapStart, to its MapEnd. `on_key(const Key&)` reads exactly the key's value.
  template <class F>
  void each_key(F&& on_key) {
    while (std::optional<Key> key = next_key()) on_key(*key);
  }

  /// As each_key, for a mapping whose keys are `names`: `on_key(which, key)`. Others are errors, as is a second of one.
  /// `whose` is for the message: "an edge"; so is `hint_for`, for a key that is like none of these.
  using HintFor = std::string (*)(std::string_view key);
  template <class F>
  void each_known_key(std::string_view whose, std::span<const std::string_view> names, F&& on_key,
                      HintFor hint_for = nullptr) {
    std::vector<SourcePos> seen(names.size());
    each_key([&](const Key& key) {
      std::optional<std::size_t> which = find_name(whose, names, key, hint_for);
      if (!which || !is_first(key, seen[*which])) skip_next();
      else on_key(*which, key);
    });
  }

  /// After a ListStart, to its ListEnd. `on_item(const Event& first)` reads the rest of its node.
  template <class F>
  void each_item(F&& on_item) {
    for (Event first = next(); first.type != Event::Type::ListEnd; first = next()) on_item(first);
  }

  /// The next node, by the parameter's type and rules. Empty if it is none: reported, and skipped.
  std::optional<PlacedValue> read_value(const Param& param) { return read_value(param, next()); }
  /// The same of a node that begins with `first`.
  std::optional<PlacedValue> read_value(const Param& param, const Event& first);
  /// The next node, for a parameter that may be a secret.
  std::optional<PlacedValue> read_parameter(const Param& param);

  /// All so far.
  const std::vector<FoundSecret>& secrets() const { return secrets_; }

  /// Whether `first` begins what is wanted: if not, it is skipped, and an error unless it is null ("edges:").
  bool begins_list(const Event& first, std::string_view name, std::string_view of);
  bool begins_map(const Event& first, std::string_view name, std::string_view of);

  /// Remembers the place in `seen`; false, with an error, if there was one.
  bool is_first(const Key& key, SourcePos& seen);

 private:
  std::optional<Key> next_key();
  std::optional<std::size_t> find_name(std::string_view whose, std::span<const std::string_view> names, const Key& key,
                                       HintFor hint_for);
  // `what` is for messages: "`args`", "an item of `args`".
  std::optional<Value> read_typed(std::string_view what, const Type& type, const Event& first);
  std::optional<Value> read_plain(std::string_view what, const Type& type, const Event& first);
  std::optional<Value> read_scalar(std::string_view what, const Type& type, const Event& event);
  std::optional<Value> read_list(std::string_view what, const Type& type);
  std::optional<Value> read_map(const Type& type);
  void report_mismatch(std::string_view what, const Type& type, const Event& found);
  Event next_value();
  void note_secret(const Event& event, bool is_written);
  // What `event` stands for by its tag; empty, and reported, if it can't be had.
  std::optional<std::string> read_outside(const Event& event);

  EventReader events_;
  Diagnostics* diagnostics_;
  const Outside& outside_;
  // Within a parameter's value.
  bool tags_allowed_ = false;
  // How deep we are in what `!secret` stands before.
  std::size_t in_secret_ = 0;
  std::vector<FoundSecret> secrets_;
  // Of the list or map that ended last: the outermost is the last.
  std::vector<SourcePos> places_;
};

}  // namespace mgmt::yaml

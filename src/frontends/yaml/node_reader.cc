// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/node_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "src/base/text.h"
#include "src/frontends/shown.h"

namespace mgmt::yaml {

namespace {

// "a list of str", "an int".
std::string with_article(const Type& type) { return (type.base == Type::Base::Int ? "an " : "a ") + type_name(type); }

std::string_view what_it_is(const Event& event) {
  switch (event.type) {
    case Event::Type::MapStart: return "a mapping";
    case Event::Type::ListStart: return "a list";
    default: return event.style == Event::Style::Plain ? "a single value" : "a text";
  }
}

std::string mismatch_hint(const Type& type, const Event& found) {
  bool is_map = found.type == Event::Type::MapStart;
  if (type.base == Type::Base::List) {
    if (found.type == Event::Type::Scalar && found.text.size() < 40 && found.style != Event::Style::Block) {
      std::string_view quote = found.style == Event::Style::Quoted ? "\"" : "";
      return fmt::format("write [{}{}{}]", quote, printable(found.text), quote);
    }
    return "begin each item with `- `";
  }
  if (type.base == Type::Base::Map) return "write `key: value` pairs";
  if (type.base == Type::Base::Str && found.flow)
    return fmt::format("a text that begins with {} is written in quotes", is_map ? '{' : '[');
  if (type.base == Type::Base::Str) return "a text of several lines begins with `|` behind the key";
  return fmt::format("write one {}", type_name(type));
}

}  // namespace

void NodeReader::skip(const Event& first) {
  std::size_t depth = 0;
  for (Event event = first;; event = next()) {
    if (event.type == Event::Type::MapStart || event.type == Event::Type::ListStart) ++depth;
    if (event.type == Event::Type::MapEnd || event.type == Event::Type::ListEnd) --depth;
    if (depth == 0) return;
  }
}

std::optional<Key> NodeReader::next_key() {
  for (;;) {
    Event event = next();
    if (event.type == Event::Type::MapEnd) return std::nullopt;
    if (event.type != Event::Type::Scalar) {
      diagnostics_.error(event.pos, fmt::format("a key must be a word, not {}", what_it_is(event)),
                         event.flow ? "a text that begins with { or [ is written in quotes" : "");
      skip(event);
    } else if (event.style == Event::Style::Plain && event.text == "<<") {
      diagnostics_.error(event.pos, "merge keys (`<<`) are not read",
                         "write the keys out, or use an alias for a whole value");
    } else if (event.style == Event::Style::Plain && event.text.empty()) {
      diagnostics_.error(event.pos, "a key is missing before the `:`");
    } else {
      return Key{std::string(event.text), event.pos};
    }
    skip_next();
  }
}

std::optional<std::size_t> NodeReader::find_name(std::string_view whose, std::span<const std::string_view> names,
                                                 const Key& key, HintFor hint_for) {
  auto at = std::ranges::find(names, key.text);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  std::string hint = did_you_mean(key.text, names);
  if (hint.empty() && hint_for) hint = hint_for(key.text);
  if (hint.empty()) hint = fmt::format("it has {}", enumeration(names));
  diagnostics_.error(key.pos, fmt::format("unknown key `{}` of {}", shown(key.text), whose), hint);
  return std::nullopt;
}

bool NodeReader::is_first(const Key& key, SourcePos& seen) {
  if (seen.line == 0) {
    seen = key.pos;
    return true;
  }
  diagnostics_.error(key.pos, fmt::format("`{}` is set twice", shown(key.text)),
                     fmt::format("it is set in line {} already", seen.line));
  return false;
}

bool NodeReader::begins_list(const Event& first, std::string_view name, std::string_view of) {
  if (first.type == Event::Type::ListStart) return true;
  if (!first.is_null())
    diagnostics_.error(first.pos, fmt::format("`{}` must be a list of {}, not {}", name, of, what_it_is(first)),
                       "begin each item with `- `");
  skip(first);
  return false;
}

bool NodeReader::begins_map(const Event& first, std::string_view name, std::string_view of) {
  if (first.type == Event::Type::MapStart) return true;
  if (!first.is_null())
    diagnostics_.error(first.pos, fmt::format("`{}` must be a mapping of {}, not {}", name, of, what_it_is(first)),
                       "write `key: value` pairs, without `- `");
  skip(first);
  return false;
}

std::optional<PlacedValue> NodeReader::read_value(const Param& param, const Event& first) {
  SourcePos pos = first.pos;
  if (param.required && first.is_null()) {
    diagnostics_.error(pos, fmt::format("`{}` has no value", param.name),
                       first.text.empty() ? "write it behind the colon" : "write it in quotes if the word is meant");
    return std::nullopt;
  }
  std::optional<Value> value = read_typed(fmt::format("`{}`", param.name), param.type, first);
  if (!value) return std::nullopt;
  Result<Value> checked = check_value(param, std::move(*value));
  if (!checked) {
    diagnostics_.error(pos, checked.error());
    return std::nullopt;
  }
  return PlacedValue{std::move(*checked), pos};
}

std::optional<Value> NodeReader::read_typed(std::string_view what, const Type& type, const Event& first) {
  bool is_list = type.base == Type::Base::List, is_map = type.base == Type::Base::Map;
  if (first.is_null()) {
    std::string hint = is_list                        ? "write [] for the empty list, or leave it out"
                       : is_map                       ? "write {} for the empty map, or leave it out"
                       : type.base != Type::Base::Str ? fmt::format("write {}, or leave it out", with_article(type))
                       : first.text.empty()
                           ? "write '' for the empty text, or leave it out"
                           : fmt::format("write '' for the empty text, or '{}' for the word", first.text);
    if (first.anchored) hint = "a text that begins with & is written in quotes";
    diagnostics_.error(first.pos, fmt::format("{} has no value", what), hint);
    return std::nullopt;
  }
  if (is_list && first.type == Event::Type::ListStart) return read_list(what, type);
  if (is_map && first.type == Event::Type::MapStart) return read_map(type);
  if (!is_list && !is_map && first.type == Event::Type::Scalar) return read_scalar(what, type, first);
  report_mismatch(what, type, first);
  skip(first);
  return std::nullopt;
}

void NodeReader::report_mismatch(std::string_view what, const Type& type, const Event& found) {
  diagnostics_.error(found.pos, fmt::format("{} must be {}, not {}", what, with_article(type), what_it_is(found)),
                     mismatch_hint(type, found));
}

std::optional<Value> NodeReader::read_scalar(std::string_view what, const Type& type, const Event& event) {
  if (type.base == Type::Base::Str) return Value(std::string(event.text));
  constexpr std::size_t kLongestNumber = 100;
  if (event.text.size() > kLongestNumber) {
    report_mismatch(what, type, event);
    return std::nullopt;
  }
  Result<Value> value = parse_scalar(type, event.text);
  if (!value) {
    diagnostics_.error(event.pos, fmt::format("{} must be {}, and {}", what, with_article(type), value.error().text()),
                       value.error().hint_text());
  } else if (event.style != Event::Style::Plain) {
    diagnostics_.error(event.pos, fmt::format("{} must be {}, not a text", what, with_article(type)),
                       event.style == Event::Style::Quoted ? fmt::format("write {}, without quotes", event.text)
                                                           : fmt::format("write {} behind the key", event.text));
  } else {
    return std::move(*value);
  }
  return std::nullopt;
}

std::optional<Value> NodeReader::read_list(std::string_view what, const Type& type) {
  List list;
  bool whole = true;
  std::string item = fmt::format("an item of {}", what);
  each_item([&](const Event& first) {
    std::optional<Value> value = read_typed(item, *type.element, first);
    whole = whole && value;
    if (whole) list.push_back(std::move(*value));
  });
  list.shrink_to_fit();
  return whole ? std::optional(Value(std::move(list))) : std::nullopt;
}

std::optional<Value> NodeReader::read_map(const Type& type) {
  struct Entry {
    Key key;
    Value value;
  };
  std::vector<Entry> entries;
  bool whole = true;
  each_key([&](const Key& key) {
    std::optional<Value> value = read_typed(fmt::format("`{}`", shown(key.text)), *type.element, next());
    whole = whole && value;
    entries.push_back({key, value ? std::move(*value) : Value()});
  });
  std::ranges::sort(entries, {}, [](const Entry& entry) {
    return std::tuple(std::string_view(entry.key.text), entry.key.pos.line, entry.key.pos.column);
  });
  Map map;
  map.reserve(entries.size());
  SourcePos first;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i].key.text != entries[i - 1].key.text) first = {};
    whole = is_first(entries[i].key, first) && whole;
  }
  if (!whole) return std::nullopt;
  for (Entry& entry : entries) map.emplace_back(std::move(entry.key.text), std::move(entry.value));
  return Value(std::move(map));
}

}  // namespace mgmt::yaml

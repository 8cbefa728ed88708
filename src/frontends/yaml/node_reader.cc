// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/node_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

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

// Begins what says that a file or a variable isn't there: that shows no secret.
constexpr std::string_view kCannotRead = "cannot read";

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
  if (type.base == Type::Base::Duration) return "write it as in 500ms, 5s or 2m";
  if (type.base == Type::Base::Str) return "a text of several lines begins with `|` behind the key";
  return fmt::format("write one {}", type_name(type));
}

}  // namespace

void NodeReader::skip(const Event& first) {
  std::size_t depth = 0;
  for (Event event = first;; event = next_value()) {
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
      diagnostics_->error(event.pos, fmt::format("a key must be a word, not {}", what_it_is(event)),
                          event.flow ? "a text that begins with { or [ is written in quotes" : "");
      skip(event);
    } else if (event.style == Event::Style::Plain && event.text == "<<") {
      diagnostics_->error(event.pos, "merge keys (`<<`) are not read",
                          "write the keys out, or use an alias for a whole value");
    } else if (event.style == Event::Style::Plain && event.text.empty()) {
      diagnostics_->error(event.pos, "a key is missing before the `:`");
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
  diagnostics_->error(key.pos, fmt::format("unknown key `{}` of {}", shown(key.text), whose), hint);
  return std::nullopt;
}

bool NodeReader::is_first(const Key& key, SourcePos& seen) {
  if (seen.line == 0) {
    seen = key.pos;
    return true;
  }
  diagnostics_->error(key.pos, fmt::format("`{}` is set twice", shown(key.text)),
                      fmt::format("it is set in line {} already", seen.line));
  return false;
}

bool NodeReader::begins_list(const Event& first, std::string_view name, std::string_view of) {
  if (first.type == Event::Type::ListStart) return true;
  if (!first.is_null())
    diagnostics_->error(first.pos, fmt::format("`{}` must be a list of {}, not {}", name, of, what_it_is(first)),
                        "begin each item with `- `");
  skip(first);
  return false;
}

bool NodeReader::begins_map(const Event& first, std::string_view name, std::string_view of) {
  if (first.type == Event::Type::MapStart) return true;
  if (!first.is_null())
    diagnostics_->error(first.pos, fmt::format("`{}` must be a mapping of {}, not {}", name, of, what_it_is(first)),
                        "write `key: value` pairs, without `- `");
  skip(first);
  return false;
}

Event NodeReader::next() {
  Event event = events_.next();
  if (event.tag == Event::Tag::None) return event;
  note_secret(event, event.tag == Event::Tag::Secret);
  diagnostics_->error(event.pos, "a secret can't stand here",
                      "`!secret`, `!file` and `!env` stand before the value of a parameter");
  event.tag = Event::Tag::None;
  return event;
}

Event NodeReader::next_value() { return tags_allowed_ ? events_.next() : next(); }

void NodeReader::note_secret(const Event& event, bool is_written) {
  secrets_.push_back({.pos = event.pos,
                      .last_line = std::max(event.pos.line, event.last_line),
                      .is_written = is_written,
                      .text = std::string(event.text)});
}

std::optional<PlacedValue> NodeReader::read_parameter(const Param& param) {
  std::size_t before = secrets_.size();
  Diagnostics found;
  Diagnostics* all = std::exchange(diagnostics_, &found);
  tags_allowed_ = true;
  in_secret_ = param.secret ? 1 : 0;
  std::optional<PlacedValue> value;
  SourcePos pos;
  try {
    Event first = events_.next();
    pos = first.pos;
    value = read_value(param, first);
  } catch (...) {
    diagnostics_ = all;
    throw;
  }
  tags_allowed_ = false;
  in_secret_ = 0;
  diagnostics_ = all;
  bool secret = secrets_.size() > before;
  for (const Diagnostic& diagnostic : found.items()) {
    if (secret && diagnostic.level == Diagnostic::Level::Error && !diagnostic.text.starts_with(kCannotRead))
      all->error(diagnostic.pos,
                 fmt::format("`{}` can't be this secret: it must be {}", param.name, with_article(param.type)),
                 "what is wrong with it isn't shown, for it would show the secret");
    else all->add(diagnostic);
  }
  if (!value || !secret) return value;
  value->secrets.emplace();
  for (std::size_t i = before; i < secrets_.size(); ++i) value->secrets->add(secrets_[i].text);
  // The table may have made another spelling of it.
  if (value->value.get_if<std::string>()) value->secrets->add(value->value);
  return value;
}

std::optional<PlacedValue> NodeReader::read_value(const Param& param, const Event& first) {
  SourcePos pos = first.pos;
  if (param.required && first.is_null() && first.tag == Event::Tag::None) {
    diagnostics_->error(pos, fmt::format("`{}` has no value", param.name),
                        first.text.empty() ? "write it behind the colon" : "write it in quotes if the word is meant");
    return std::nullopt;
  }
  places_.clear();
  std::optional<Value> value = read_typed(fmt::format("`{}`", param.name), param.type, first);
  if (!value) return std::nullopt;
  Result<Value> checked = check_value(param, std::move(*value));
  if (!checked) {
    diagnostics_->error(pos, checked.error());
    return std::nullopt;
  }
  return PlacedValue{.value = std::move(*checked), .pos = pos, .items = std::exchange(places_, {})};
}

std::optional<std::string> NodeReader::read_outside(const Event& event) {
  std::string name(event.text);
  bool is_file = event.tag == Event::Tag::File;
  const auto& read = is_file ? outside_.file : outside_.env;
  std::string what = fmt::format("{} `{}`", is_file ? "the file" : "the variable", shown(name));
  if (event.type != Event::Type::Scalar || name.empty()) {
    diagnostics_->error(event.pos, fmt::format("{}: {} needs {}", kCannotRead, is_file ? "`!file`" : "`!env`",
                                               is_file ? "a path" : "the name of a variable"));
  } else if (!read) {
    diagnostics_->error(event.pos, fmt::format("{} {}: nothing outside of this graph is read here", kCannotRead, what));
  } else if (Result<std::string> text = read(name); !text) {
    diagnostics_->error(event.pos, fmt::format("{} {}: {}", kCannotRead, what, text.error().text()),
                        text.error().hint_text());
  } else {
    return std::move(*text);
  }
  return std::nullopt;
}

std::optional<Value> NodeReader::read_typed(std::string_view what, const Type& type, const Event& tagged) {
  Event first = tagged;
  std::string outside;
  if (first.tag == Event::Tag::File || first.tag == Event::Tag::Env) {
    std::optional<std::string> text = read_outside(first);
    if (!text) {
      skip(first);
      return std::nullopt;
    }
    outside = std::move(*text);
    first.text = outside;
    // Never YAML's word for nothing; a number is read as one.
    bool is_text = type.base == Type::Base::Str;
    first.style = is_text ? Event::Style::Quoted : Event::Style::Plain;
  }
  bool opens_secret = first.tag == Event::Tag::Secret;
  if (first.type == Event::Type::Scalar && (first.tag != Event::Tag::None || in_secret_ > 0))
    note_secret(first, outside.empty());
  first.tag = Event::Tag::None;
  if (!opens_secret || first.type == Event::Type::Scalar) return read_plain(what, type, first);
  ++in_secret_;
  std::optional<Value> value = read_plain(what, type, first);
  --in_secret_;
  return value;
}

std::optional<Value> NodeReader::read_plain(std::string_view what, const Type& type, const Event& first) {
  bool is_list = type.base == Type::Base::List, is_map = type.base == Type::Base::Map;
  if (first.is_null()) {
    std::string hint = is_list                        ? "write [] for the empty list, or leave it out"
                       : is_map                       ? "write {} for the empty map, or leave it out"
                       : type.base != Type::Base::Str ? fmt::format("write {}, or leave it out", with_article(type))
                       : first.text.empty()
                           ? "write '' for the empty text, or leave it out"
                           : fmt::format("write '' for the empty text, or '{}' for the word", first.text);
    if (first.anchored) hint = "a text that begins with & is written in quotes";
    diagnostics_->error(first.pos, fmt::format("{} has no value", what), hint);
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
  diagnostics_->error(found.pos, fmt::format("{} must be {}, not {}", what, with_article(type), what_it_is(found)),
                      mismatch_hint(type, found));
}

std::optional<Value> NodeReader::read_scalar(std::string_view what, const Type& type, const Event& event) {
  if (type.base == Type::Base::Str || type.base == Type::Base::Duration) return Value(std::string(event.text));
  constexpr std::size_t kLongestNumber = 100;
  if (event.text.size() > kLongestNumber) {
    report_mismatch(what, type, event);
    return std::nullopt;
  }
  Result<Value> value = parse_scalar(type, event.text);
  if (!value) {
    diagnostics_->error(event.pos, fmt::format("{} must be {}, and {}", what, with_article(type), value.error().text()),
                        value.error().hint_text());
  } else if (event.style != Event::Style::Plain) {
    diagnostics_->error(event.pos, fmt::format("{} must be {}, not a text", what, with_article(type)),
                        event.style == Event::Style::Quoted ? fmt::format("write {}, without quotes", event.text)
                                                            : fmt::format("write {} behind the key", event.text));
  } else {
    return std::move(*value);
  }
  return std::nullopt;
}

std::optional<Value> NodeReader::read_list(std::string_view what, const Type& type) {
  List list;
  std::vector<SourcePos> places;
  bool whole = true;
  std::string item = fmt::format("an item of {}", what);
  for (Event first = next_value(); first.type != Event::Type::ListEnd; first = next_value()) {
    std::optional<Value> value = read_typed(item, *type.element, first);
    whole = whole && value;
    if (whole) list.push_back(std::move(*value));
    places.push_back(first.pos);
  }
  list.shrink_to_fit();
  places_ = std::move(places);
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
    std::optional<Value> value = read_typed(fmt::format("`{}`", shown(key.text)), *type.element, next_value());
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
  places_.clear();
  for (Entry& entry : entries) {
    places_.push_back(entry.key.pos);
    map.emplace_back(std::move(entry.key.text), std::move(entry.value));
  }
  return Value(std::move(map));
}

}  // namespace mgmt::yaml

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/json.h"

#include <fmt/format.h>
#include <nettle/base64.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/json.hpp>
// Boost.JSON compiled into this one file, instead of linked.
#include <boost/json/src.hpp>

#include "src/base/text.h"

namespace mgmt {
namespace {

namespace json = boost::json;

std::string base64(std::string_view bytes) {
  std::string out(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  std::string out(BASE64_DECODE_LENGTH(text.size()), '\0');
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::size_t size = out.size();
  if (!base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(out.data()), text.size(), text.data()) ||
      !base64_decode_final(&context))
    return std::unexpected(Error("not base64"));
  out.resize(size);
  return out;
}

void append_text(std::string& out, std::string_view text) {
  bool plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (plain) out.append(1, '"').append(text).append(1, '"');
  else out += json::serialize(json::string(text));
}

// Straight into the text: the history writes ten thousand of these in a row.
void append(std::string& out, const Value& value) {
  if (const auto* flag = value.get_if<bool>()) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = value.get_if<std::int64_t>()) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else if (const auto* real = value.get_if<double>()) {
    out += json::serialize(json::value(*real));
  } else if (const auto* text = value.get_if<std::string>()) {
    if (is_utf8(*text)) append_text(out, *text);
    else out += fmt::format(R"({{"base64":"{}"}})", base64(*text));
  } else if (const auto* list = value.get_if<List>()) {
    out += '[';
    bool first = true;
    for (const Value& item : *list) {
      if (!std::exchange(first, false)) out += ',';
      append(out, item);
    }
    out += ']';
  } else if (const auto* map = value.get_if<Map>()) {
    // Wrapped, so that a map with the one key "base64" can't be taken for bytes.
    bool wrapped = map->size() == 1 && map->front().first == "base64";
    out += wrapped ? R"({"map":{)" : "{";
    bool first = true;
    for (const auto& [key, item] : *map) {
      if (!std::exchange(first, false)) out += ',';
      append_text(out, key);
      out += ':';
      append(out, item);
    }
    out += wrapped ? "}}" : "}";
  } else {
    out += "null";
  }
}

Result<Value> value_of(const json::value& value, int depth) {
  if (depth > 64) return std::unexpected(Error("nested too deep"));
  if (const auto* flag = value.if_bool()) return Value(*flag);
  if (const auto* number = value.if_int64()) return Value(*number);
  if (const auto* real = value.if_double()) return Value(*real);
  if (const auto* text = value.if_string()) return Value(std::string(*text));
  if (const auto* array = value.if_array()) {
    List list;
    for (const auto& item : *array) {
      Result<Value> converted = value_of(item, depth + 1);
      if (!converted) return converted;
      list.push_back(std::move(*converted));
    }
    return Value(std::move(list));
  }
  if (const auto* object = value.if_object()) {
    if (object->size() == 1) {
      if (const auto* bytes = object->if_contains("base64"); bytes && bytes->is_string()) {
        Result<std::string> decoded = from_base64(bytes->get_string());
        if (!decoded) return std::unexpected(decoded.error());
        return Value(std::move(*decoded));
      }
      if (const auto* wrapped = object->if_contains("map");
          wrapped && wrapped->is_object() && wrapped->get_object().contains("base64"))
        object = &wrapped->get_object();
    }
    Map map;
    for (const auto& [key, item] : *object) {
      Result<Value> converted = value_of(item, depth + 1);
      if (!converted) return converted;
      map.emplace_back(std::string(key), std::move(*converted));
    }
    return Value(std::move(map));
  }
  return Value();
}

}  // namespace

std::string json_quote(std::string_view text) {
  if (is_utf8(text)) return json::serialize(json::string(text));
  std::string mended;
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    if (length == 0) mended += "\xef\xbf\xbd";
    else mended += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return json::serialize(json::string(mended));
}

std::string to_json(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

Result<Value> value_from_json(std::string_view text) {
  json::error_code failure;
  json::value parsed = json::parse(text, failure);
  if (failure) return std::unexpected(Error("not JSON: " + failure.message()));
  return value_of(parsed, 0);
}

std::string to_json(const Delta& delta) {
  std::string out = R"({"changes":[)";
  bool first = true;
  for (const Change& change : delta.changes) {
    if (!std::exchange(first, false)) out += ',';
    out += R"({"param":)";
    append_text(out, change.param);
    auto member = [&](std::string_view key, const Value& value) {
      out.append(",\"").append(key).append("\":");
      append(out, value);
    };
    if (!change.item.empty()) member("item", Value(change.item));
    if (!change.secret) {
      member("before", change.before);
      if (change.known) member("after", change.after);
    }
    if (!change.known) out += R"(,"known":false)";
    if (!change.why.empty()) member("why", Value(change.why));
    if (change.secret) out += R"(,"secret":true)";
    if (change.removes > 0) out += fmt::format(R"(,"removes":{})", change.removes);
    out += '}';
  }
  return out + "]}";
}

Result<Delta> delta_from_json(std::string_view text) {
  Result<Value> whole = value_from_json(text);
  if (!whole) return std::unexpected(whole.error());
  const auto member = [](const Value& value, std::string_view key) -> const Value* {
    const Map* map = value.get_if<Map>();
    if (!map) return nullptr;
    for (const auto& [name, one] : *map)
      if (name == key) return &one;
    return nullptr;
  };
  const Value* changes = member(*whole, "changes");
  if (!changes || !changes->get_if<List>()) return std::unexpected(Error("no list of changes"));
  Delta delta;
  for (const Value& one : changes->get<List>()) {
    Change change;
    const auto take = [&](std::string_view key, auto& into) {
      using T = std::remove_reference_t<decltype(into)>;
      const Value* value = member(one, key);
      if (const T* found = value ? value->get_if<T>() : nullptr) into = *found;
    };
    take("param", change.param);
    take("item", change.item);
    take("known", change.known);
    std::int64_t removes = 0;
    take("removes", removes);
    change.removes = static_cast<std::uint64_t>(removes);
    take("secret", change.secret);
    if (const Value* before = member(one, "before")) change.before = *before;
    if (const Value* after = member(one, "after")) change.after = *after;
    if (change.param.empty()) return std::unexpected(Error("a change without a parameter"));
    delta.changes.push_back(std::move(change));
  }
  return delta;
}

}  // namespace mgmt

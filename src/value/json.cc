// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/json.h"

#include <nettle/base64.h>

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

json::value json_of(const Value& value) {
  if (const auto* flag = value.get_if<bool>()) return *flag;
  if (const auto* number = value.get_if<std::int64_t>()) return *number;
  if (const auto* real = value.get_if<double>()) return *real;
  if (const auto* text = value.get_if<std::string>()) {
    if (is_utf8(*text)) return json::string(*text);
    return json::object{{"base64", base64(*text)}};
  }
  if (const auto* list = value.get_if<List>()) {
    json::array array;
    for (const Value& item : *list) array.push_back(json_of(item));
    return array;
  }
  if (const auto* map = value.get_if<Map>()) {
    // Wrapped, so that a map with the one key "base64" can't be taken for bytes.
    json::object object;
    for (const auto& [key, item] : *map) object[key] = json_of(item);
    return map->size() == 1 && map->front().first == "base64" ? json::value(json::object{{"map", object}})
                                                              : json::value(object);
  }
  return nullptr;
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

std::string to_json(const Value& value) { return json::serialize(json_of(value)); }

Result<Value> value_from_json(std::string_view text) {
  json::error_code failure;
  json::value parsed = json::parse(text, failure);
  if (failure) return std::unexpected(Error("not JSON: " + failure.message()));
  return value_of(parsed, 0);
}

std::string to_json(const Delta& delta) {
  json::array changes;
  for (const Change& change : delta.changes) {
    json::object object{{"param", change.param}};
    if (!change.item.empty())
      object["item"] = is_utf8(change.item) ? json::value(change.item) : json_of(Value(change.item));
    if (!change.secret) {
      object["before"] = json_of(change.before);
      if (change.known) object["after"] = json_of(change.after);
    }
    if (!change.known) object["known"] = false;
    if (!change.why.empty()) object["why"] = change.why;
    if (change.secret) object["secret"] = true;
    if (change.removes > 0) object["removes"] = change.removes;
    changes.push_back(std::move(object));
  }
  return json::serialize(json::object{{"changes", std::move(changes)}});
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

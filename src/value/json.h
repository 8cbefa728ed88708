// SPDX-License-Identifier: GPL-3.0-or-later
// The few JSON shapes we write and read; the library (Boost.JSON) stays behind this header.
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/value/delta.h"
#include "src/value/value.h"

namespace mgmt {

/// A string as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

/// A string with bytes that are no UTF-8 is written as {"base64": "..."}, so that reading gives it back.
std::string to_json(const Value& value);
Result<Value> value_from_json(std::string_view text);

/// {"changes": [{"param", "item", "before", "after", "known", "why", "secret"}]}; `before` and `after` of a
/// secret are left out. Version 1; readers ignore keys that they don't know.
std::string to_json(const Delta& delta);
Result<Delta> delta_from_json(std::string_view text);

}  // namespace mgmt

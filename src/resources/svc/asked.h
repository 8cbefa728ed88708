// SPDX-License-Identifier: GPL-3.0-or-later
// What a plan asks of units, which it can't ask itself: see Kind::question. In the module.
#pragma once

#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/value/value.h"

namespace mgmt::svc {

/// An answer that is none: why systemd could not be asked.
Value to_value(const Error& why);
/// The text of that; empty for Facts.
std::string why_not(const Value& answer);

/// See Kind::answer. Reads and nothing else; after about 15 s it answers with what it has.
std::vector<Value> answer(const std::vector<std::string>& questions);

}  // namespace mgmt::svc

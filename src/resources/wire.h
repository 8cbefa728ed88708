// SPDX-License-Identifier: GPL-3.0-or-later
// wire: a Declaration as bytes that hosts exchange, and back:
//
//   {"v":1,"kind":"file","name":"motd","params":{"content":"hello"},"meta":{"retry":3}}
//
// What comes from another host is believed in nothing: it is bounded, and checked against the kind's table
// like what a user wrote. Rules across parameters (Kind::validate) are left to who knows where it goes
// (Kind::collect_into).
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/resources/kind.h"
#include "src/world/key.h"

namespace mgmt::wire {

/// The newest that is understood. Written is the oldest that has all parameters that are used (Param::since).
constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

/// Equal declarations give equal bytes. An Error for what mustn't leave the host (a secret) or can't.
Result<std::string> encode(const Declaration& declaration);

/// An Error says what of it isn't understood; the text of one that other hosts may see or have made is printable.
using FindKind = const Kind* (*)(std::string_view name);
Result<Declaration> decode(std::string_view text, std::string origin, FindKind find = find_kind);

/// What was collected under that key: of no other kind and name than the key says, or who collects files could be
/// given a command.
Result<Declaration> decode(const world::ExportId& id, std::string_view text, FindKind find = find_kind);

}  // namespace mgmt::wire

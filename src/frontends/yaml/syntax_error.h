// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "src/value/param.h"

namespace mgmt::yaml {

/// What ends the reading of a file: nothing after it can be relied on. Thrown.
struct SyntaxError {
  SourcePos pos;
  std::string text;
  std::string hint;
};

/// libfyaml's words for an error in words for people, with a hint where one is known, at a place that has text.
SyntaxError explain_syntax_error(SourcePos pos, std::string_view libfyaml_words, std::string_view source);

/// Finds what no YAML may contain, before it is parsed: bytes that are no UTF-8, control characters. Throws
/// SyntaxError.
void check_characters(std::string_view source);

}  // namespace mgmt::yaml

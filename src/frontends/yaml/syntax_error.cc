// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"

namespace mgmt::yaml {
namespace {

struct Explanation {
  std::string_view libfyaml;
  /// Empty: libfyaml's are clear.
  std::string_view text;
  std::string_view hint;
};

// In libfyaml's words a part is enough; the first line that fits counts.
constexpr Explanation kExplanations[] = {
    {"cannot start with '@'", "a text that begins with @ must be in quotes",
     "write \"@@name\" for an exported resource"},
    {"cannot start with '`'", "a text that begins with ` must be in quotes", {}},
    {"cannot start with '%'", "a text that begins with % must be in quotes", {}},
    {"invalid nested block mapping on the same line", "a second `: ` in one line",
     "put a text that has `: ` in it in quotes; a nested mapping begins on the next line"},
    {"tab character", "a tab cannot indent", "use blanks"},
    {"invalid multiline plain key", "this is no `key: value`",
     "a key ends with `: ` (with a blank); or this line's indentation does not fit the lines above"},
    {"could not find expected ':'", "this is no `key: value`", "a key ends with `: ` (with a blank)"},
    {"invalid indentation", "the indentation fits none of the lines above",
     "keys of one mapping begin in the same column"},
    {"invalid scalar at the end of block sequence", "a key among the items of a list",
     "items begin with `- `; a key that does not belong to the list is indented less than its items"},
    {"block sequence on the same line as a mapping key", "a list cannot begin in the line of its key",
     "begin it on the next line, or write [a, b]; a text that begins with - is written in quotes"},
    {"double-quoted scalar without closing quote", "the closing \" is missing", {}},
    {"single-quoted scalar without closing quote", "the closing ' is missing", "within '...' a ' is written twice"},
    {"wrongly indented double-quoted scalar", "this text in quotes goes on in a line that is not indented",
     "is the closing \" missing?"},
    {"wrongly indented single-quoted scalar", "this text in quotes goes on in a line that is not indented",
     "is the closing ' missing? Within '...' a ' is written twice"},
    {"trailing content after double-quoted", "there is something behind the closing \"",
     "within \"...\" a \" is written \\\"; or put all of it in '...'"},
    {"trailing content after single-quoted", "there is something behind the closing '",
     "within '...' a ' is written twice"},
    {"invalid escape", {}, "a \\ in \"...\" begins an escape: write \\\\, or use '...'"},
    {"invalid UTF8 escape", "this escape is no character", {}},
    {"flow sequence without a closing bracket", "a list in [...] is not closed", "is a ] missing?"},
    {"missing comma in flow sequence", "a list in [...] needs a , or ] here", {}},
    {"missing comma in flow mapping", "a mapping in {...} needs a , or } here",
     "is a } missing? A text that begins with { is written in quotes"},
    {"invalid extra closing brace", "a } too many", {}},
    {"invalid extra closing bracket", "a ] too many", {}},
    {"did not find expected node content", "a value is missing here", "or the item of the list above it is empty"},
    {"block scalar no linebreak found", "the text after | or > begins on the next line",
     "a text that begins with | or > is written in quotes"},
    {"block scalar with wrongly indented", "a line of this block of text is indented less than its first", {}},
    {"invalid anchor", "& needs the name of an anchor", "a text that begins with & is written in quotes"},
    {"invalid alias", "* needs the name of an anchor", "a text that begins with * is written in quotes"},
    {"invalid value after mapping", "there is something behind the value",
     "a text that begins with [, { or * is written in quotes"},
    {"two anchors for a single value", "two anchors for one value", {}},
    {"undefined tag prefix", "the tag is not known", "leave it out; a text that begins with ! is written in quotes"},
    {"unsupport version number", "this version of YAML is not known", "write %YAML 1.2, or leave the line out"},
    {"missing document start", "a document begins with ---", {}},
};

std::ptrdiff_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

SourcePos with_column(SourcePos pos, std::ptrdiff_t column) {
  pos.column = static_cast<std::uint16_t>(std::min<std::ptrdiff_t>(column, 65535));
  return pos;
}

// What is missing at the end of the file is shown behind its last text, not on a line that has none.
SourcePos onto_text(SourcePos pos, std::string_view source) {
  std::size_t end = source.find_last_not_of(" \t\r\n");
  if (end == source.npos) return pos;
  std::string_view text = source.substr(0, end + 1);
  auto lines = static_cast<std::uint32_t>(1 + std::ranges::count(text, '\n'));
  if (pos.line <= lines) return pos;
  pos.line = lines;
  return with_column(pos, characters(text.substr(text.rfind('\n') + 1)) + 1);
}

// Within a quoted text libfyaml says where the text begins, behind its quote.
SourcePos onto_quote(SourcePos pos, std::string_view words) {
  bool inside = words.find("without closing quote") != words.npos;
  if (inside && pos.column > 1) --pos.column;
  return pos;
}

}  // namespace

SyntaxError explain_syntax_error(SourcePos pos, std::string_view libfyaml_words, std::string_view source) {
  pos = onto_quote(onto_text(pos, source), libfyaml_words);
  for (const Explanation& known : kExplanations) {
    if (libfyaml_words.find(known.libfyaml) == libfyaml_words.npos) continue;
    return {pos, known.text.empty() ? printable(libfyaml_words) : std::string(known.text), std::string(known.hint)};
  }
  return {pos, libfyaml_words.empty() ? "it is no YAML" : printable(libfyaml_words), {}};
}

void check_characters(std::string_view source) {
  SourcePos pos{1, 1, 0};
  std::size_t line_start = 0;
  auto fail = [&](std::size_t at, std::string text, std::string hint) {
    std::string_view before = source.substr(line_start, at - line_start);
    throw SyntaxError{with_column(pos, characters(before) + 1), std::move(text), std::move(hint)};
  };
  for (std::size_t at = 0; at < source.size();) {
    auto c = static_cast<unsigned char>(source[at]);
    if (c == '\n') {
      ++pos.line;
      line_start = at + 1;
    } else if (c == '\r' && (at + 1 == source.size() || source[at + 1] != '\n')) {
      fail(at, "a carriage return inside a line", "end lines with \\n or \\r\\n; in a text write \"\\r\"");
    } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
      fail(at, fmt::format("the control character {}", printable(source.substr(at, 1))),
           fmt::format("YAML has none: write \"\\x{:02x}\" in a text in double quotes", c));
    } else if (c >= 0x80) {
      std::size_t length = utf8_length(source.substr(at));
      if (length == 0)
        fail(at, fmt::format("the byte {} is no UTF-8", printable(source.substr(at, 1))), "save the file as UTF-8");
      at += length;
      continue;
    }
    ++at;
  }
}

}  // namespace mgmt::yaml

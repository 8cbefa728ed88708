// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/get.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <set>

#include "src/base/error.h"
#include "src/base/text.h"
#include "src/cli/exit_code.h"
#include "src/resources/kind.h"

namespace mgmt::cli {

namespace {

constexpr std::size_t kIndent = 8;

// Of one UTF-8 sequence.
std::uint32_t code_point(std::string_view sequence) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[i])); };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  }
}

// What YAML takes unescaped and every editor leaves as it is.
bool is_plain(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  return code != 0x2028 && code != 0x2029 && code != 0xfeff && code != 0xfffe && code != 0xffff;
}

template <class Call>
void each_code_point(std::string_view text, Call call) {
  while (!text.empty()) {
    std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    call(code_point(text.substr(0, length)), text.substr(0, length));
    text.remove_prefix(length);
  }
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  each_code_point(text, [&](std::uint32_t code, std::string_view sequence) {
    if (code == '"' || code == '\\') out += '\\', out += sequence;
    else if (code == '\n') out += "\\n";
    else if (code == '\t') out += "\\t";
    else if (is_plain(code)) out += sequence;
    else out += fmt::format("\\u{:04x}", code);  // all of these are below 0x10000
  });
  return out + "\"";
}

// A block keeps its text if no line needs an escape, and the first shows how deep it stands.
bool fits_block(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.front() == '\n' || text.ends_with("\n\n")) return false;
  if (text.find('\n') == text.npos) return false;
  bool fits = true, begins = true;
  each_code_point(text, [&](std::uint32_t code, std::string_view) {
    fits &= code == '\n' || (code == '\t' && !begins) || is_plain(code);
    begins = code == '\n';
  });
  return fits;
}

std::string resource_of(const Declaration& declaration) {
  std::string out = fmt::format("    - name: {}\n", in_quotes(declaration.name));
  for (const Params::Item& item : declaration.params.items()) {
    const Param& param = declaration.kind->params[item.index];
    const auto* text = item.value.get_if<std::string>();
    fmt::format_to(std::back_inserter(out), "      {}: {}\n", param.name,
                   text ? yaml_text(*text, kIndent) : to_text(item.value));
    if (item.secret)
      fmt::print(stderr, "mgmt: not everybody may see the {} of {}: keep this graph to yourself\n", param.name,
                 printable(declaration.name));
  }
  return out;
}

}  // namespace

std::string yaml_text(std::string_view text, std::size_t indent) {
  if (!fits_block(text)) return in_quotes(text);
  std::string out = text.ends_with('\n') ? "|" : "|-";
  for (std::string_view one : split_lines(text)) {
    out += '\n';
    if (!one.empty()) out.append(indent, ' ').append(one);
  }
  return out;
}

int get(const GetCommand& command) {
  const Kind* kind = find_kind(command.kind);
  if (!kind || !kind->found)
    throw Error(fmt::format("`mgmt get` can't tell what there is of `{}`", printable(command.kind)))
        .hint("mgmt get file /etc/motd");
  std::string out;
  bool all = true;
  std::set<std::string> seen;
  for (const std::string& name : command.names) {
    try {
      Declaration declaration = kind->found(name);
      declaration.kind = kind;
      if (seen.insert(declaration.name).second) out += resource_of(declaration);
    } catch (const Error& error) {
      all = false;
      fmt::print(stderr, "mgmt: {}\n", printable(error.text()));
      if (!error.hint_text().empty()) fmt::print(stderr, "  hint: {}\n", error.hint_text());
    }
  }
  if (!out.empty()) fmt::print("graph: as-found\nresources:\n  {}:\n{}", kind->name, out);
  return all ? kOk : kOther;
}

}  // namespace mgmt::cli

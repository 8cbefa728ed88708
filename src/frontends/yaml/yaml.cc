// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/yaml.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/frontends/graph_builder.h"
#include "src/frontends/yaml/graph_reader.h"

namespace mgmt::yaml {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::shared_ptr<const ResourceGraph> read_graph(std::string_view text, const std::string& file_name,
                                                const Outside& outside, std::vector<FoundSecret>& secrets,
                                                Diagnostics& diagnostics) {
  check_characters(text);
  GraphBuilder builder;
  builder.add_source(file_name);
  GraphReader reader(text, diagnostics, builder, outside);
  try {
    reader.read();
  } catch (...) {
    secrets = reader.secrets();
    throw;
  }
  secrets = reader.secrets();
  return std::move(builder).finish(diagnostics);
}

// The text as it may be shown. A secret is hidden by where it stands: it may be written otherwise than it reads.
std::string without_secrets(std::string_view text, const std::vector<FoundSecret>& secrets) {
  std::vector<std::string> lines;
  for (std::string_view line : split_lines(text)) lines.emplace_back(line);
  for (const FoundSecret& secret : secrets) {
    if (!secret.is_written) continue;
    // Its first line is that of its tag, mostly: see below.
    bool tagged =
        secret.pos.line > 0 && secret.pos.line <= lines.size() && lines[secret.pos.line - 1].contains("!secret");
    for (std::size_t number = secret.pos.line + (tagged ? 1 : 0); number <= secret.last_line; ++number)
      if (number > 0 && number <= lines.size()) lines[number - 1] = Mask::kShown;
  }
  // By the tag alone: also what was not read to its end, or passed over. What belongs to a tag stands behind it, and in
  // the lines below that are indented more, or are items of a list.
  constexpr std::string_view kTag = "!secret";
  std::size_t hidden_below = std::string::npos;
  for (std::string& line : lines) {
    std::size_t indent = std::min(line.find_first_not_of(" -"), line.size());
    std::size_t dash = line.find_first_not_of(' ');
    bool below =
        hidden_below != std::string::npos && (dash > hidden_below || (dash == hidden_below && line[dash] == '-'));
    if (below) {
      line = Mask::kShown;
      continue;
    }
    std::size_t at = line.find(kTag);
    hidden_below = at == line.npos ? std::string::npos : indent;
    if (at != line.npos) line.replace(at + kTag.size(), line.npos, " ***");
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// Errors go before the rest when there is no room for all.
std::vector<Message> describe_all(const Diagnostics& diagnostics, std::string_view file_name, std::string_view text) {
  using Level = Diagnostic::Level;
  constexpr std::size_t kShown = 50;
  std::size_t errors = 0, others = 0;
  std::vector<Message> messages;
  for (const Diagnostic& diagnostic : diagnostics.items())
    if (++(diagnostic.level == Level::Error ? errors : others) <= kShown)
      messages.push_back(describe(diagnostic, file_name, text));
  auto tell_of_more = [&](Level level, std::size_t count, std::string_view noun) {
    if (count > kShown)
      messages.push_back({level, std::string(file_name), fmt::format("and {}", counted(count - kShown, noun))});
  };
  tell_of_more(Level::Error, errors, "more error");
  tell_of_more(Level::Warning, others, "more warning");
  return messages;
}

}  // namespace

Loaded load(std::string_view text, std::string file_name, const Outside& outside) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Loaded loaded;
  std::vector<FoundSecret> secrets;
  auto fail_alone = [&](SourcePos pos, std::string words, std::string hint) {
    loaded.diagnostics = {};
    loaded.diagnostics.error(pos, std::move(words), std::move(hint));
  };
  try {
    loaded.graph = read_graph(text, file_name, outside, secrets, loaded.diagnostics);
  } catch (SyntaxError& error) {
    fail_alone(error.pos, std::move(error.text), std::move(error.hint));
  } catch (const std::exception& error) {
    fail_alone({}, fmt::format("cannot be read: {}", error.what()), {});
  }
  loaded.diagnostics.sort();
  std::string shown;
  Mask mask;
  if (!secrets.empty() || text.contains("!secret")) {
    text = shown = without_secrets(text, secrets);
    for (FoundSecret& secret : secrets) {
      mask.add(secret.text);
      loaded.secrets.push_back(std::move(secret.text));
    }
  }
  loaded.messages = describe_all(loaded.diagnostics, file_name, text);
  for (Message& message : loaded.messages) {
    for (std::string* part : {&message.text, &message.excerpt, &message.hint}) mask.hide(*part);
    loaded.rendered += render(message);
  }
  return loaded;
}

}  // namespace mgmt::yaml

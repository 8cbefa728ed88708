// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/yaml.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/frontends/graph_builder.h"
#include "src/frontends/yaml/graph_reader.h"

namespace mgmt::yaml {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Of one file; what ends its reading is reported as its only error.
void read_source(const Source& source, std::uint16_t file, GraphBuilder& builder, std::vector<FoundSecret>& secrets,
                 Diagnostics& diagnostics, Diagnostics& fatal) {
  try {
    check_characters(source.text);
    GraphReader reader(source, file, diagnostics, builder);
    try {
      reader.read();
    } catch (...) {
      secrets = reader.secrets();
      throw;
    }
    secrets = reader.secrets();
  } catch (SyntaxError& error) {
    error.pos.file = file;
    fatal.error(error.pos, std::move(error.text), std::move(error.hint));
  } catch (const std::exception& error) {
    fatal.error({.file = file}, fmt::format("cannot be read: {}", error.what()), {});
  }
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
std::vector<Message> describe_all(const Diagnostics& diagnostics, const std::vector<Source>& shown) {
  using Level = Diagnostic::Level;
  constexpr std::size_t kShown = 50;
  std::size_t errors = 0, others = 0;
  std::vector<Message> messages;
  for (const Diagnostic& diagnostic : diagnostics.items()) {
    if (++(diagnostic.level == Level::Error ? errors : others) > kShown) continue;
    const Source& source = shown[diagnostic.pos.file];
    messages.push_back(describe(diagnostic, source.name, source.text));
  }
  auto tell_of_more = [&](Level level, std::size_t count, std::string_view noun) {
    if (count > kShown)
      messages.push_back({level, shown.front().name, fmt::format("and {}", counted(count - kShown, noun))});
  };
  tell_of_more(Level::Error, errors, "more error");
  tell_of_more(Level::Warning, others, "more warning");
  return messages;
}

}  // namespace

Loaded load(std::string_view text, std::string file_name, const Outside& outside) {
  return load({{.text = text, .name = std::move(file_name), .outside = outside}});
}

Loaded load(const std::vector<Source>& sources, std::string name) {
  Loaded loaded;
  GraphBuilder builder;
  builder.set_name(std::move(name));
  std::vector<Source> shown = sources;
  std::vector<std::vector<FoundSecret>> secrets(sources.size());
  Diagnostics fatal;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Source& source = shown[i];
    if (source.text.starts_with(kByteOrderMark)) source.text.remove_prefix(kByteOrderMark.size());
    std::uint16_t file = builder.add_source(source.name);
    read_source(source, file, builder, secrets[i], loaded.diagnostics, fatal);
  }
  try {
    if (fatal.has_errors()) loaded.diagnostics = std::move(fatal);
    else loaded.graph = std::move(builder).finish(loaded.diagnostics);
  } catch (const std::exception& error) {
    loaded.diagnostics = {};
    loaded.diagnostics.error({}, fmt::format("cannot be read: {}", error.what()), {});
  }
  loaded.diagnostics.sort();
  std::vector<std::string> hidden(sources.size());
  Mask mask;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    loaded.secret_lines.push_back(0);
    if (secrets[i].empty() && !shown[i].text.contains("!secret")) continue;
    shown[i].text = hidden[i] = without_secrets(shown[i].text, secrets[i]);
    for (FoundSecret& secret : secrets[i]) {
      if (secret.is_written && loaded.secret_lines[i] == 0) loaded.secret_lines[i] = secret.pos.line;
      mask.add(secret.text);
      loaded.secrets.push_back(std::move(secret.text));
    }
  }
  loaded.messages = describe_all(loaded.diagnostics, shown);
  for (Message& message : loaded.messages) {
    for (std::string* part : {&message.text, &message.excerpt, &message.hint}) mask.hide(*part);
    loaded.rendered += render(message);
  }
  return loaded;
}

}  // namespace mgmt::yaml

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
                                                Diagnostics& diagnostics) {
  check_characters(text);
  GraphBuilder builder;
  builder.add_source(file_name);
  GraphReader(text, diagnostics, builder).read();
  return std::move(builder).finish(diagnostics);
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

Loaded load(std::string_view text, std::string file_name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Loaded loaded;
  auto fail_alone = [&](SourcePos pos, std::string words, std::string hint) {
    loaded.diagnostics = {};
    loaded.diagnostics.error(pos, std::move(words), std::move(hint));
  };
  try {
    loaded.graph = read_graph(text, file_name, loaded.diagnostics);
  } catch (SyntaxError& error) {
    fail_alone(error.pos, std::move(error.text), std::move(error.hint));
  } catch (const std::exception& error) {
    fail_alone({}, fmt::format("cannot be read: {}", error.what()), {});
  }
  loaded.diagnostics.sort();
  loaded.messages = describe_all(loaded.diagnostics, file_name, text);
  for (const Message& message : loaded.messages) loaded.rendered += render(message);
  return loaded;
}

}  // namespace mgmt::yaml

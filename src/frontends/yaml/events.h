// SPDX-License-Identifier: GPL-3.0-or-later
// EventReader: one YAML text as a stream of events, by libfyaml. Aliases are replayed here, within a budget, so
// that whoever reads sees none; a nesting beyond kMaxDepth, an alias bomb and a syntax error end it.
//
//   EventReader events(text, diagnostics);
//   while (events.next().type != Event::Type::End) ...    // throws SyntaxError
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "src/frontends/yaml/syntax_error.h"
#include "src/value/diagnostic.h"

namespace mgmt::yaml {

struct Event {
  enum class Type { DocumentStart, DocumentEnd, MapStart, MapEnd, ListStart, ListEnd, Scalar, End };
  /// How a scalar is written. Quoted is also what a `!!str` makes of it.
  enum class Style { Plain, Quoted, Block };

  Type type = Type::End;
  Style style = Style::Plain;
  /// In {braces} or [brackets].
  bool flow = false;
  /// Behind an &anchor.
  bool anchored = false;
  /// What stands before it: the value is a secret, or is read from a file or the environment, which makes it one.
  enum class Tag { None, Secret, File, Env } tag = Tag::None;
  /// Of the opening quote where there is one. An empty value, and a block of text, have that of their key.
  SourcePos pos;
  /// The line on which a scalar ends.
  std::uint32_t last_line = 0;
  /// Of a scalar. Good until the next call of next().
  std::string_view text;

  /// Plain and empty, or one of YAML's words for nothing.
  bool is_null() const;
};

class EventReader {
 public:
  static constexpr std::size_t kMaxDepth = 100;
  /// What all aliases of a text may stand for, together.
  static constexpr std::size_t kMaxReplayedEvents = 100'000;
  static constexpr std::size_t kMaxReplayedBytes = 16u << 20;

  /// `text` is UTF-8 and outlives the reader. Tags that we don't know are errors in `diagnostics`. `file` is the number
  /// in all places (SourcePos::file), but for those of a SyntaxError.
  EventReader(std::string_view text, Diagnostics& diagnostics, std::uint16_t file = 0);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  Event next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mgmt::yaml

// SPDX-License-Identifier: GPL-3.0-or-later
// Diagnostics: what is wrong with a source text, each with its place, all at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/value/param.h"

namespace mgmt {

struct Diagnostic {
  enum class Level { Error, Warning, Note };
  Level level = Level::Error;
  SourcePos pos;
  std::string text;
  std::string hint;
};

class Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  void error(SourcePos pos, std::string text, std::string hint = {});
  void error(SourcePos pos, const Error& error);
  void warning(SourcePos pos, std::string text, std::string hint = {});
  void note(SourcePos pos, std::string text, std::string hint = {});

  bool has_errors() const { return errors_ > 0; }
  const std::vector<Diagnostic>& items() const { return items_; }
  /// By place; those without one come last.
  void sort();

 private:
  std::vector<Diagnostic> items_;
  std::size_t errors_ = 0;
};

/// A diagnostic in words. What it says of a source text is printable.
struct Message {
  Diagnostic::Level level = Diagnostic::Level::Error;
  std::string place;
  std::string text;
  /// The line it is about and its mark, as two lines; empty where there is none to show.
  std::string excerpt = {};
  std::string hint = {};
};

/// `source` is the whole text of the file (empty: the line is not shown), long lines are cut around the mark.
Message describe(const Diagnostic& diagnostic, std::string_view file_name, std::string_view source);

/// As a person sees it:
///
///   graph.yaml:7:5: error: unknown parameter `contnet` of file
///     7 |     contnet: hello
///       |     ^~~~~~~
///     hint: did you mean `content`?
std::string render(const Message& message);

/// "graph.yaml:7:5"; the name alone where the line is not known.
std::string place(std::string_view file_name, SourcePos pos);

}  // namespace mgmt

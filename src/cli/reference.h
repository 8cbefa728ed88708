// SPDX-License-Identifier: GPL-3.0-or-later
// The reference of kinds and their parameters, printed from the tables that bind them: `mgmt resources`.
//
//   std::cout << cli::reference(cli::all_tables(), "file", cli::ReferenceForm::Text);
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "src/resources/kind.h"
#include "src/resources/meta.h"

namespace mgmt::cli {

struct Tables {
  std::span<const Kind* const> kinds;
  std::span<const Param> meta;
};
inline Tables all_tables() { return {all_kinds(), meta_params()}; }

enum class ReferenceForm { Text, Markdown, Json };

/// Of one kind (by name or alias), or of all if `kind` is empty: the list of kinds and the meta parameters; as JSON,
/// a schema (draft 2020-12) of one resource, or of a whole graph file. Throws Error, with a hint, for an unknown kind.
/// Text is wrapped at `columns`, but at no less than 60 and no more than 100.
std::string reference(const Tables& tables, std::string_view kind, ReferenceForm form, std::size_t columns = 88);

/// The schemas alone, as `reference` returns them.
std::string resource_schema(const Tables& tables, const Kind& kind);
std::string graph_schema(const Tables& tables);

/// Markdown paragraphs, wrapped: lists hang, code, tables and headings stay as they are. Each line is indented.
std::string wrap_markdown(std::string_view text, std::size_t columns, std::size_t indent);

}  // namespace mgmt::cli

// SPDX-License-Identifier: GPL-3.0-or-later
// Paths as text; nothing here asks the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mgmt {

/// An absolute path without "//", "." and (lexically) "..", and without a trailing slash but for "/".
std::string clean_path(std::string_view path);

/// "/a/b" for "/a/b/c" and for "/a/b/c/"; "/" for "/a" and "/".
std::string parent_path(std::string_view path);

/// The last component, without a trailing slash; "" for "/".
std::string base_name(std::string_view path);

/// True if `path` is `folder` or lies below it. Both are clean.
bool is_within(std::string_view path, std::string_view folder);

/// `folder` + "/" + `name`, with exactly one slash between.
std::string join_path(std::string_view folder, std::string_view name);

/// The components of a path: {"a", "b"} for "/a/b".
std::vector<std::string_view> path_components(std::string_view path);

}  // namespace mgmt

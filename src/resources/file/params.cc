// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/params.h"

namespace mgmt::file {
namespace {

const std::string& written_path(const Declaration& declaration) {
  const std::string* path = text_of(declaration, kPath);
  return path ? *path : declaration.name;
}

// Where the last part begins; a slash at the end belongs to it.
std::size_t last_part(std::string_view path) {
  std::size_t end = path.find_last_not_of('/');
  if (end == std::string_view::npos) return path.size();
  std::size_t slash = path.rfind('/', end);
  return slash == std::string_view::npos ? 0 : slash + 1;
}

}  // namespace

const std::string* text_of(const Declaration& declaration, ParamIndex index) {
  const std::string* text = declaration.params.find<std::string>(index);
  return text && !text->empty() ? text : nullptr;
}

std::string declared_path(const Declaration& declaration) {
  const std::string& path = written_path(declaration);
  const std::string* dirname = text_of(declaration, kDirname);
  const std::string* basename = text_of(declaration, kBasename);
  if (!dirname && !basename) return path;
  std::size_t at = last_part(path);
  return (dirname ? *dirname : path.substr(0, at)) + (basename ? *basename : path.substr(at));
}

bool is_folder_path(const Declaration& declaration) {
  const std::string* basename = text_of(declaration, kBasename);
  const std::string& last = basename ? *basename : written_path(declaration);
  return last.ends_with('/');
}

Want want_of(const Declaration& declaration) {
  Want want;
  bool symlink = false;
  bool state_set = false;
  for (const Params::Item& item : declaration.params.items()) {
    const std::string* text = item.value.get_if<std::string>();
    const bool* flag = item.value.get_if<bool>();
    switch (item.index) {
      case kState:
        state_set = true;
        want.absent = *text == "absent";
        break;
      case kContent: want.content = text; break;
      case kSource: want.source = text->empty() ? nullptr : text; break;
      case kFragments: want.fragments = item.value.get<List>().empty() ? nullptr : &item.value.get<List>(); break;
      case kOwner: want.owner = text->empty() ? nullptr : text; break;
      case kGroup: want.group = text->empty() ? nullptr : text; break;
      case kMode:
        if (auto mode = Mode::parse(*text)) want.mode = std::move(*mode);
        break;
      case kRecurse: want.recurse = *flag; break;
      case kForce: want.force = *flag; break;
      case kPurge: want.purge = *flag; break;
      case kSymlink: symlink = *flag; break;
      case kFollow: want.follow = *flag; break;
      case kWrite: want.in_place = *text == "inplace"; break;
      case kValidate: want.validate = item.value.get<List>().empty() ? nullptr : &item.value.get<List>(); break;
      case kShowDiff: want.show_diff = *flag; break;
      default: break;
    }
  }
  want.type = symlink ? Want::Type::Link : is_folder_path(declaration) ? Want::Type::Folder : Want::Type::File;
  want.made = !want.absent && (state_set || want.content || want.source || want.fragments);
  return want;
}

}  // namespace mgmt::file

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/secrets.h"

#include <algorithm>

#include "src/resources/kind.h"

namespace mgmt {

bool is_secret(const Declaration& declaration, const Params::Item& item) {
  return item.secret || declaration.kind->params[item.index].secret;
}

bool has_secrets(const Declaration& declaration) {
  return std::ranges::any_of(declaration.params.items(),
                             [&](const auto& item) { return is_secret(declaration, item); });
}

Mask secrets_of(const Declaration& declaration) {
  Mask mask;
  if (const Mask* written = declaration.params.secrets()) mask.add(*written);
  for (const Params::Item& item : declaration.params.items())
    if (declaration.kind->params[item.index].secret) mask.add(item.value);
  return mask;
}

void redact(Delta& delta, const Declaration& declaration) {
  std::span<const Param> table = declaration.kind->params;
  bool any = has_secrets(declaration);
  for (Change& change : delta.changes) {
    const Param* param = find_param(table, change.param);
    if (!param) continue;
    const Params::Item* item = declaration.params.find_item(static_cast<ParamIndex>(param - table.data()));
    // What a file is to hold and its declaration doesn't say comes from elsewhere: from a secret, where it has one.
    bool from_elsewhere = any && !item && (is_content(change.before) || is_content(change.after));
    if (!change.secret && !param->secret && !(item && item->secret) && !from_elsewhere) continue;
    change.secret = true;
    change.before = change.after = Value();
    change.text = nullptr;
  }
  Mask secrets = secrets_of(declaration);
  if (!secrets.empty()) secrets.hide(delta);
}

}  // namespace mgmt

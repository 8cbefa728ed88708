// SPDX-License-Identifier: GPL-3.0-or-later
// What of a declaration is secret, and how a Delta is made fit to be shown.
#pragma once

#include "src/resources/declaration.h"
#include "src/value/delta.h"
#include "src/value/mask.h"

namespace mgmt {

/// Marked so by the kind's table, or where it was written.
bool is_secret(const Declaration& declaration, const Params::Item& item);

/// One of its parameters is.
bool has_secrets(const Declaration& declaration);

/// The texts of all secret parameters.
Mask secrets_of(const Declaration& declaration);

/// Before it leaves the engine: the changes of secret parameters lose their values, and other changes what they show of
/// them (the arguments within a command).
void redact(Delta& delta, const Declaration& declaration);

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "src/resources/resource.h"

namespace mgmt {

/// Look::Again whenever the users and groups of this host may have changed: /etc/passwd and /etc/group. A name service
/// on the network tells of nothing. One watch for all that ask; on the loop's thread.
std::unique_ptr<Subscription> watch_user_database(Services& services, Notify notify);

}  // namespace mgmt

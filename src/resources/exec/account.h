// SPDX-License-Identifier: GPL-3.0-or-later
// Account: whom the commands of a resource run as. The name service is asked where it can't hold anybody else up. On
// the loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "src/async/ask.h"
#include "src/async/process.h"
#include "src/resources/exec/params.h"
#include "src/resources/resource.h"

namespace mgmt::exec {

struct Account {
  std::string name, home;
  std::string path;
  /// None: as mgmt itself.
  std::optional<Command::Identity> identity = std::nullopt;
};

/// A lookup by `user` and `group`: calls once, later; destroyed before, never.
class AccountOf {
 public:
  using Done = std::move_only_function<void(Result<Account>)>;
  AccountOf(Loop& loop, const Declaration& declaration, Done done);

  /// The one that needs no lookup; null: it does.
  static const Account* known(const Declaration& declaration);

 private:
  void end(Result<Account> account);

  std::string user_, group_;
  Done done_;
  std::optional<Asking<Account>> asking_;
  Loop::Timer not_asked_;
};

/// Throws Error for a user or group that doesn't exist, or when no answer comes.
boost::asio::awaitable<Account> account_of(Loop& loop, std::shared_ptr<const Declaration> declaration);

}  // namespace mgmt::exec

// SPDX-License-Identifier: GPL-3.0-or-later
// Refreshes: which resources are owed a refresh, and by whom. Pure; by name, so it outlives swaps.
//
// A sender owes its receivers a refresh from before it changes anything (the rows that owe() gives are to be durable
// by then) until the receiver has run with it and succeeded. It is due, and a run of the receiver can carry it out,
// once the sender's run has ended: mostly an edge sees to that order, but a swap may take the edge away in between.
// What is asked for while a receiver runs is owed to its next run. So no refresh is lost, and one is repeated only
// where a crash fell between a success and the end of its rows.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/state/refresh_journal.h"

namespace mgmt {

class Refreshes {
 public:
  /// Rows that an earlier run left.
  void restore(std::vector<RefreshRow> rows);

  /// A run of `sender` is about to change something. The rows that are new: none of them if each receiver is owed its
  /// refresh already, by a row that no run of it has begun to carry out.
  std::vector<RefreshRow> owe(const std::string& sender, std::span<const std::string> receivers);
  /// Takes rows of owe() back: nothing was changed.
  void forget(std::span<const RefreshRow> rows);
  /// That run has ended, well or not: what it owes is due. True if it owes `receiver` something, who has to run then.
  bool ended(std::string_view sender, std::string_view receiver);

  /// Who owes `receiver` a refresh that is due, if somebody does; one name if several do.
  const std::string* sender_to(std::string_view receiver) const;
  bool empty() const { return owed_.empty(); }
  bool owed(std::string_view receiver) const { return sender_to(receiver) != nullptr; }

  /// `receiver` begins to run, with all that is due now.
  void begin(std::string_view receiver);
  /// That run has succeeded: the rows that are done with.
  std::vector<std::uint64_t> succeeded(std::string_view receiver);
  /// It hasn't: all of it is still due.
  void failed(std::string_view receiver);

  /// Removes and returns the rows of receivers for which `keep` is false, but for those whose sender's run has not
  /// ended: the receiver may be back when it changes something.
  template <class Keep>
  std::vector<RefreshRow> drop_unless(Keep keep) {
    std::vector<RefreshRow> dropped;
    for (auto at = owed_.begin(); at != owed_.end();) {
      if (!keep(at->first)) {
        std::erase_if(at->second, [&](Owed& owed) {
          if (owed.state == State::Coming) return false;
          dropped.push_back(std::move(owed.row));
          return true;
        });
      }
      at = at->second.empty() ? owed_.erase(at) : std::next(at);
    }
    return dropped;
  }

 private:
  enum class State : std::uint8_t {
    Coming,  // the sender's run has not ended
    Due,
    Given,  // to the receiver's run that is on its way
  };
  struct Owed {
    RefreshRow row;
    State state;
  };
  /// By receiver; its rows by id.
  std::map<std::string, std::vector<Owed>, std::less<>> owed_;
  std::uint64_t last_id_ = 0;
};

}  // namespace mgmt

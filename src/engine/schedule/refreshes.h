// SPDX-License-Identifier: GPL-3.0-or-later
// Refreshes: which resources are owed a refresh, and by whom. Pure; by name, so it outlives swaps.
//
// A sender owes its receivers a refresh from before it changes anything (the rows that owe() gives are to be durable
// by then) until the receiver has run with it and succeeded. It is due, and a run of the receiver can carry it out,
// once the sender's run has ended: mostly an edge sees to that order, but a swap may take the edge away in between.
// What is asked for while a receiver runs is owed to its next run. So no refresh is lost, and one is repeated only
// where a crash fell between a success and the end of its rows.
//
// One durable row is enough for a receiver, whoever its sender is: what another sender owes it meanwhile is held by the
// same row, which goes when nothing is left that it holds. Who comes while it is being written waits for it, too: by
// giving the same row once more.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/state/refresh_journal.h"

namespace mgmt {

class Refreshes {
 public:
  /// Rows that an earlier run left.
  void restore(std::vector<RefreshRow> rows);

  struct Owing {
    /// What is owed now and wasn't before.
    std::vector<RefreshRow> added;
    /// The rows that hold them and aren't durable yet; some may be on their way for another sender.
    std::vector<RefreshRow> to_write;
  };
  /// A run of `sender` is about to change something.
  Owing owe(const std::string& sender, std::span<const std::string> receivers);
  /// Rows of `to_write` are durable. Those that hold nothing any more, and are done with.
  std::vector<std::uint64_t> written(std::span<const RefreshRow> rows);
  /// Takes what was added back: nothing was changed. The durable rows that are done with, as below.
  std::vector<std::uint64_t> forget(std::span<const RefreshRow> added);
  /// That run has ended, well or not: what it owes is due. True if it owes `receiver` something, who has to run then.
  bool ended(const std::string& sender, std::string_view receiver);

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

  struct Dropped {
    std::vector<RefreshRow> owed;
    /// The rows that are done with.
    std::vector<std::uint64_t> rows;
  };
  /// Removes what is owed to receivers for which `keep` is false, but for that whose sender's run has not ended: the
  /// receiver may be back when it changes something.
  Dropped drop_unless(const std::function<bool(const std::string&)>& keep);

 private:
  enum class State : std::uint8_t {
    Coming,  // the sender's run has not ended
    Due,
    Given,  // to the receiver's run that is on its way
  };
  struct Owed {
    std::uint64_t id;
    State state;
    /// The row that holds it, by its id: its own, or that of another.
    std::uint64_t holder;
  };
  using BySender = std::unordered_multimap<std::string, Owed>;
  /// How many each row holds, by its id.
  using Holders = std::unordered_map<std::uint64_t, std::size_t>;
  struct Receiver {
    BySender by_sender;
    Holders durable, on_the_way;
  };
  /// Removes it; adds its holder to `rows` if that is durable and holds nothing any more.
  static BySender::iterator take(Receiver& from, BySender::iterator owed, std::vector<std::uint64_t>& rows);

  std::map<std::string, Receiver, std::less<>> owed_;
  std::uint64_t last_id_ = 0;
};

}  // namespace mgmt

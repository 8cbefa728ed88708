// SPDX-License-Identifier: GPL-3.0-or-later
// How one entry appears whole: it is made under a temporary name beside its place, gets content, owner,
// attributes and mode, and is renamed. A crash leaves the old or the new one, and at no moment is anything
// readable wider than its final mode.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "src/base/fd.h"
#include "src/resources/file/bytes.h"
#include "src/resources/file/mode.h"
#include "src/resources/file/remove.h"

namespace mgmt::file {

constexpr uid_t kAsFound = static_cast<uid_t>(-1);

struct Attributes {
  /// None: as found, or `fallback` for what is new.
  const Mode* mode = nullptr;
  mode_t fallback = 0644;
  uid_t owner = kAsFound;
  gid_t group = kAsFound;
};

/// What is at a place now, as lstat shows it.
struct Found {
  struct stat status;
  /// Open if it is a file that is to be replaced with its attributes kept.
  Fd file = {};
  /// They were read: what stands there must not move any more.
  bool kept = false;
};

/// Whether the bytes change that the permissions are for.
enum class Content : std::uint8_t { Stays, Changes };

/// What the mode of `old` comes to. Set-id bits that aren't declared go where the content or the owner changes.
mode_t mode_after(const Attributes& attributes, const struct stat& old, Content content);

/// All of these throw Error, and Raced if what is at the place isn't `found` (null: nothing) any more; nothing is
/// changed then. What stands there is replaced, with what it holds if it is a folder. They return the status as they
/// left it; if somebody else was at it since, that is not the present one.
/// `approve` is called with the path of the file before it takes its place; what it throws keeps it from that.
using Approve = std::function<void(const std::string& staged)>;
struct stat write_new_file(const Spot& spot, Bytes& bytes, const Attributes& attributes, const Approve& approve = {});
struct stat make_folder(const Spot& spot, const Attributes& attributes, const Found* found);
struct stat make_link(const Spot& spot, const std::string& target, const Attributes& attributes, const Found* found);

class Draft;

/// A file that is whole but for its place, which something else has: between the two its data can be synced, alone or
/// with that of many others. Goes again unless it is placed.
class Replacement {
 public:
  /// Borrows what `spot` borrows.
  Replacement(const Spot& spot, Bytes& bytes, const Attributes& attributes, Found found);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  /// Blocks until it is on the disk. Before wait().
  void sync();
  /// Blocks until its data is written, which is enough where the journal orders the rest (see ordered.h).
  void write_out();
  /// Asks before place(). After sync().
  void ask(const Approve& approve);
  /// Holds no descriptor from now on, so that thousands can wait.
  void wait();
  /// Where it is until it is placed.
  std::string draft_path() const;
  struct stat place();

 private:
  const std::string& place_name() const;
  void close();

  std::unique_ptr<Draft> draft_;
  Found found_;
  Fd file_;
  std::optional<mode_t> mode_;  // none: not declared, and nothing to be kept
  bool closed_ = false;
  struct stat placed_{};
};

/// Sets owner, group and mode of what is there, in place.
struct stat change_attributes(const Spot& spot, const Attributes& attributes, const Found& found);

/// What is at the place, none if nothing. Throws Error.
std::optional<Found> look(const Spot& spot);

}  // namespace mgmt::file

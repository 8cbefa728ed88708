// SPDX-License-Identifier: GPL-3.0-or-later
// Backup: contents that were about to be overwritten, under `<prefix>/backup/`: each once, 0600, by its SHA-256; and
// `index`, a line of JSON for each time one was kept: what was where, when, with which mode and owner. Blocking; any
// thread, and any number of agents of one prefix (a lock on the file `lock`).
//
// Bounded: what is older than 90 days goes, of each path all but the first and the nine last, and the oldest until all
// is no more than 256 MiB. A file above 16 MiB isn't kept.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/base/fd.h"
#include "src/state/rows.h"

namespace mgmt::state {

struct Kept {
  Time time;
  /// Through no symlink, as it was then.
  std::string path;
  std::string sha256;
  std::int64_t size = 0;
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  /// The resource that was about to change it; "" for `mgmt restore`.
  std::string resource;
};

class Backup {
 public:
  struct Limits {
    std::int64_t file = std::int64_t{16} << 20;
    std::int64_t bytes = std::int64_t{256} << 20;
    std::chrono::days age{90};
    std::size_t a_path = 10;
  };
  explicit Backup(const std::string& prefix) : Backup(prefix, Limits{}) {}
  Backup(const std::string& prefix, Limits limits);

  const Limits& limits() const { return limits_; }

  /// Keeps what the open file holds (`status` is its, and not above the limit). On the disk when it returns; of a burst
  /// only the first 64 are, the rest gets there when the kernel comes to it. Throws Error.
  void keep(int file, const struct stat& status, const std::string& path, const std::string& resource);
  /// Whether this is what was last kept of the path, by this object, and is still there.
  bool has_last(const std::string& path, const std::string& sha256);

  /// Everything that is kept, in the order in which it was. Throws Error.
  std::vector<Kept> list() const;
  /// A kept content, open to be read. Throws Error.
  Fd open(const Kept& kept) const;

 private:
  std::string file_of(const std::string& sha256) const;
  std::string store(int file, const std::string& path, std::string& sha256, std::int64_t& size, bool& is_new);
  void append(const Kept& kept, bool sync);
  void prune();

  std::string folder_;
  Limits limits_;
  std::mutex mutex_;
  /// Guarded by mutex_: of each path, what was kept of it last; how often something was; since the last prune.
  std::unordered_map<std::string, std::string> last_;
  std::size_t count_ = 0;
  std::size_t since_prune_ = SIZE_MAX;
  std::int64_t bytes_since_prune_ = 0;
};

}  // namespace mgmt::state

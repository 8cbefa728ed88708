// SPDX-License-Identifier: GPL-3.0-or-later
#include "fuzz/files/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mgmt::fuzz {
namespace {

// One folder down, so that a link upwards leads to nothing that isn't ours.
constexpr const char* kTop = "x/";
constexpr const char* kPaths[] = {"in",      "in/a", "in/b",  "in/c",  "in/a/a",  "in/a/b",  "in/a/a/a",  "in/b/a",
                                  "in/b/b",  "src",  "src/f", "src/t", "src/t/f", "src/t/d", "src/t/d/h", "src/e",
                                  "src/e/n", "out",  "out/f", "out/d", "out/d/x", "out/l",   "out/n",     "out/m"};
constexpr const char* kTexts[] = {"", "one\n", "two\n", "three, which is longer\n"};
constexpr const char* kTargets[] = {"b", "../out/f", "../out/d", "nothing", "a", "..", "../src/t", "../in/b"};
constexpr mode_t kModes[] = {0644, 0600, 0, 0755, 0777, 04755, 02755, 01777};

enum Kind : unsigned {
  kWrite,
  kOverwrite,
  kTruncate,
  kUnlink,
  kRemove,
  kMakeFolder,
  kSymlink,
  kLink,
  kRename,
  kExchange,
  kChmod,
  kFifo,
  kAwayAndBack,
  kParentToLink,
  kParentAnew,
  kMapped,
  kMount,
  kBind,
  kUnmount,
  kKinds,
};
constexpr const char* kNames[] = {"write",
                                  "overwrite",
                                  "truncate",
                                  "unlink",
                                  "remove",
                                  "mkdir",
                                  "symlink",
                                  "link",
                                  "rename",
                                  "exchange",
                                  "chmod",
                                  "mkfifo",
                                  "rename away and back",
                                  "parent becomes a link to where it went",
                                  "parent is made anew",
                                  "write by mmap",
                                  "mount a tmpfs",
                                  "bind",
                                  "unmount"};
static_assert(std::size(kNames) == kKinds);

struct Descriptor {
  explicit Descriptor(int number) : fd(number) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

void must(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::abort();
}

std::string text_of_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.fd < 0) return fmt::format("(unreadable: {})", std::strerror(errno));
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = ::read(file.fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  return text;
}

std::string parent_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

int write_text(const std::string& path, const char* text, int flags) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | flags, 0644));
  if (file.fd < 0) return -1;
  return ::write(file.fd, text, std::strlen(text)) < 0 ? -1 : 0;
}

int write_mapped(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return -1;
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return errno = EINVAL, -1;
  void* memory = ::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
  if (memory == MAP_FAILED) return -1;
  *static_cast<char*>(memory) = 'M';
  return ::munmap(memory, 1);
}

int put(const char* name, const char* text) {
  Descriptor file(::open(name, O_WRONLY | O_CLOEXEC));
  return file.fd < 0 || ::write(file.fd, text, std::strlen(text)) < 0 ? -1 : 0;
}

}  // namespace

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) return names;
  while (const dirent* one = ::readdir(dir))
    if (std::strcmp(one->d_name, ".") != 0 && std::strcmp(one->d_name, "..") != 0) names.emplace_back(one->d_name);
  ::closedir(dir);
  std::ranges::sort(names);
  return names;
}

std::string text_of_link(const std::string& path) {
  std::array<char, PATH_MAX> target;
  ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
}

mode_t Node::type() const { return mode & S_IFMT; }
bool Node::is_folder() const { return S_ISDIR(mode); }
bool Node::is_file() const { return S_ISREG(mode); }
bool Node::is_link() const { return S_ISLNK(mode); }

std::string describe(const Node* node) {
  if (!node) return "nothing";
  const char* type = node->is_folder() ? "folder" : node->is_file() ? "file" : node->is_link() ? "link" : "other";
  return fmt::format("{} {:04o}, inode {}, mount {}, holds `{}`", type, node->mode & 07777, node->inode, node->mount,
                     node->holds);
}

Operation choose_operation(Choices& choices, const std::vector<std::string>& paths) {
  auto choose_path = [&] {
    unsigned chosen = choices.below(static_cast<unsigned>(std::size(kPaths) + paths.size()));
    return chosen < std::size(kPaths) ? std::string(kTop) + kPaths[chosen] : paths[chosen - std::size(kPaths)];
  };
  Operation operation;
  operation.gap = choices.below(5);
  operation.kind = choices.below(kKinds);
  operation.path = choose_path();
  operation.other = choose_path();
  operation.which = choices.below(8);
  return operation;
}

bool Disk::enter_namespace() {
  uid_t user = ::geteuid();
  gid_t group = ::getegid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (user == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (put("/proc/self/setgroups", "deny") != 0 ||
        put("/proc/self/uid_map", fmt::format("0 {} 1", user).c_str()) != 0 ||
        put("/proc/self/gid_map", fmt::format("0 {} 1", group).c_str()) != 0)
      return false;
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

Disk::Disk() {
  ::umask(022);
  mounts_ = enter_namespace();
  if (!mounts_) {
    std::fprintf(stderr, "fuzz_files: no mount namespace can be had (%s): without mounts\n", std::strerror(errno));
    const char* ci = std::getenv("CI");
    if (ci && std::strcmp(ci, "true") == 0) std::abort();  // what isn't run there is run nowhere
  }
  std::string name = "/tmp/mgmt-fuzz-XXXXXX";
  if (!::mkdtemp(name.data())) must(-1, "mkdtemp");
  folder_ = name;
  // It is quick, and goes with the namespace.
  if (mounts_) must(::mount("tmpfs", folder_.c_str(), "tmpfs", MS_NODEV, "mode=0755,size=16m"), "mounting a tmpfs");
}

Disk::~Disk() {
  for (const std::string& name : names_in(folder_)) remove_all(name);
  if (mounts_) ::umount2(folder_.c_str(), MNT_DETACH);
  ::rmdir(folder_.c_str());
}

void Disk::remove_all(const std::string& path) const {
  struct stat status{};
  if (::lstat(full(path).c_str(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) {
    ::unlink(full(path).c_str());
    return;
  }
  ::chmod(full(path).c_str(), 0700);
  for (const std::string& name : names_in(full(path))) remove_all(path + "/" + name);
  ::rmdir(full(path).c_str());
}

void Disk::reset() {
  for (; !mounted_.empty(); mounted_.pop_back()) {
    // By now it may have another path, so each is looked for in the mounts there are.
    std::string last;
    if (FILE* table = std::fopen("/proc/self/mounts", "re")) {
      std::array<char, PATH_MAX * 2> line, where;
      while (std::fgets(line.data(), line.size(), table))
        if (std::sscanf(line.data(), "%*s %8191s", where.data()) == 1)
          if (std::string at = where.data(); at.starts_with(folder_ + "/")) last = at;
      std::fclose(table);
    }
    if (!last.empty()) must(::umount2(last.c_str(), MNT_DETACH), "unmounting");
  }
  for (const std::string& name : names_in(folder_)) remove_all(name);
  for (const char* name : {"x", "x/in", "x/src", "x/src/t", "x/src/t/d", "x/src/e", "x/out", "x/out/d"})
    must(::mkdir(full(name).c_str(), 0755), name);
  for (const char* name : {"x/src/f", "x/src/t/f", "x/src/t/g", "x/src/t/d/h", "x/out/f", "x/out/d/x"})
    must(write_text(full(name), fmt::format("{} at first\n", name).c_str(), O_CREAT), name);
  must(::symlink("f", full("x/src/t/l").c_str()), "x/src/t/l");
  must(::symlink("d", full("x/out/l").c_str()), "x/out/l");
}

Snapshot Disk::look() const {
  Snapshot found;
  look_below("", found);
  return found;
}

void Disk::look_below(const std::string& path, Snapshot& into) const {
  for (const std::string& name : names_in(full(path))) {
    std::string at = path.empty() ? name : path + "/" + name;
    struct statx status{};
    if (::statx(AT_FDCWD, full(at).c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID,
                &status) != 0)
      continue;
    Node node{.device = makedev(status.stx_dev_major, status.stx_dev_minor),
              .inode = status.stx_ino,
              .mount = status.stx_mnt_id,
              .mode = status.stx_mode,
              .holds = {},
              .links = status.stx_nlink};
    if (node.is_link()) node.holds = text_of_link(full(at));
    if (node.is_file()) node.holds = text_of_file(full(at));
    bool below = node.is_folder();
    into.emplace(at, std::move(node));
    if (below) look_below(at, into);
  }
}

std::string Disk::place_of(const std::string& path, bool follow) const {
  std::string at = path;
  for (int links = 0; links < 40; ++links) {
    // What is missing on the way is where it is written.
    std::string folder = parent_of(at), rest = at.substr(folder.empty() ? 0 : folder.size() + 1);
    std::array<char, PATH_MAX> real;
    while (!::realpath(full(folder).c_str(), real.data())) {
      if (folder.empty()) return at;
      std::string up = parent_of(folder);
      rest = folder.substr(up.empty() ? 0 : up.size() + 1) + "/" + rest;
      folder = up;
    }
    std::string above = real.data();
    std::string place = above == folder_ ? rest : above.substr(folder_.size() + 1) + "/" + rest;
    struct stat status{};
    if (!follow || ::lstat(full(place).c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return place;
    std::string up = parent_of(place), target = text_of_link(full(place));
    if (target.starts_with(folder_ + "/")) at = target.substr(folder_.size() + 1);
    else at = up.empty() ? target : up + "/" + target;
  }
  return path;
}

std::string Disk::perform(const Operation& operation) {
  errno = 0;
  int result = call(operation);
  return fmt::format("{} {} (other {}, which {}){}", kNames[operation.kind], operation.path, operation.other,
                     operation.which, result == 0 ? "" : fmt::format(": {}", std::strerror(errno)));
}

int Disk::call(const Operation& operation) {
  std::string path = full(operation.path), other = full(operation.other);
  std::string parent = full(parent_of(operation.path)), away = full("x/out/away");
  constexpr std::size_t kMostMounts = 3;
  if ((operation.kind == kParentToLink || operation.kind == kParentAnew) && parent_of(operation.path) + "/" == kTop)
    return errno = EINVAL, -1;
  switch (operation.kind) {
    case kWrite: return write_text(path, kTexts[operation.which % std::size(kTexts)], O_CREAT | O_TRUNC);
    case kOverwrite: return write_text(path, "X", 0);
    case kTruncate: return ::truncate(path.c_str(), operation.which);
    case kUnlink: return ::unlink(path.c_str());
    case kRemove: return remove_all(operation.path), 0;
    case kMakeFolder: return ::mkdir(path.c_str(), operation.which == 0 ? 0700 : 0755);
    case kSymlink: return ::symlink(kTargets[operation.which], path.c_str());
    case kLink: return ::link(path.c_str(), other.c_str());
    case kRename: return ::rename(path.c_str(), other.c_str());
    case kExchange: return ::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    case kChmod: return ::chmod(path.c_str(), kModes[operation.which]);
    case kFifo: return ::mkfifo(path.c_str(), 0644);
    case kAwayAndBack:
      if (::rename(path.c_str(), away.c_str()) != 0) return -1;
      return ::rename(away.c_str(), path.c_str());
    case kParentToLink:
      if (::rename(parent.c_str(), away.c_str()) != 0) return -1;
      return ::symlink(away.c_str(), parent.c_str());
    case kParentAnew:
      if (::rename(parent.c_str(), away.c_str()) != 0) return -1;
      return ::mkdir(parent.c_str(), 0755);
    case kMapped: return write_mapped(path);
    case kMount:
      if (!mounts_ || mounted_.size() == kMostMounts) return errno = EPERM, -1;
      if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NODEV, "mode=0755,size=1m") != 0) return -1;
      mounted_.push_back(path);
      return 0;
    case kBind:
      if (!mounts_ || mounted_.size() == kMostMounts) return errno = EPERM, -1;
      if (::mount(path.c_str(), other.c_str(), nullptr, MS_BIND, nullptr) != 0) return -1;
      mounted_.push_back(other);
      return 0;
    case kUnmount:
      if (mounted_.empty()) return errno = EINVAL, -1;
      return ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    default: return errno = ENOSYS, -1;
  }
}

}  // namespace mgmt::fuzz

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/events/inotify/fanotify.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace mgmt::events {
namespace {

static_assert(FAN_CREATE == IN_CREATE && FAN_DELETE == IN_DELETE && FAN_MOVED_FROM == IN_MOVED_FROM &&
              FAN_MOVED_TO == IN_MOVED_TO && FAN_ATTRIB == IN_ATTRIB && FAN_MODIFY == IN_MODIFY &&
              FAN_CLOSE_WRITE == IN_CLOSE_WRITE && FAN_DELETE_SELF == IN_DELETE_SELF && FAN_MOVE_SELF == IN_MOVE_SELF &&
              FAN_ONDIR == IN_ISDIR && FAN_Q_OVERFLOW == IN_Q_OVERFLOW);

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200  // since 6.5: a handle that need not be one to open by
#endif

constexpr std::size_t kFsid = sizeof(__kernel_fsid_t);

struct Handle {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes;
  file_handle& get() { return *reinterpret_cast<file_handle*>(bytes.data()); }
};

std::string key_from(const void* fsid, const file_handle& handle) {
  std::string key(static_cast<const char*>(fsid), kFsid);
  key.append(reinterpret_cast<const char*>(&handle.handle_type), sizeof handle.handle_type);
  return key.append(reinterpret_cast<const char*>(handle.f_handle), handle.handle_bytes);
}

}  // namespace

std::unique_ptr<Fanotify> Fanotify::create() {
  // A queue without a limit would be one that another's writes can fill the memory with. What is lost is looked for.
  Fd fd(::fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS | FAN_NONBLOCK | FAN_CLOEXEC,
                        O_RDONLY));
  return fd ? std::unique_ptr<Fanotify>(new Fanotify(std::move(fd))) : nullptr;
}

Fanotify::Key Fanotify::key_of(int folder) {
  struct statfs system{};
  if (::fstatfs(folder, &system) != 0) return {};
  Handle handle;
  int mount = 0;
  for (int flags : {AT_EMPTY_PATH | AT_HANDLE_FID, AT_EMPTY_PATH}) {
    handle.get().handle_bytes = MAX_HANDLE_SZ;
    if (::name_to_handle_at(folder, "", &handle.get(), &mount, flags) == 0)
      return key_from(&system.f_fsid, handle.get());
    if (errno != EINVAL) break;  // a kernel that doesn't know the flag
  }
  return {};
}

KernelWatches::Added Fanotify::add(const std::string& path, std::uint32_t mask) {
  // By one descriptor, so that what is marked is what the handle is of.
  Fd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return {.failure = errno};
  Key key = key_of(folder.get());
  if (key.empty()) return {.failure = EOPNOTSUPP};
  std::uint64_t bits = (mask & (IN_ALL_EVENTS | IN_ISDIR)) | FAN_ONDIR | FAN_EVENT_ON_CHILD;
  if (::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, bits, folder.get(), ".") != 0)
    return {.failure = errno};
  places_.try_emplace(key.substr(0, kFsid), path);
  auto [at, fresh] = ids_.try_emplace(std::move(key), next_);
  if (fresh) keys_.emplace(next_++, &at->first);
  return {.id = at->second};
}

void Fanotify::remove(int id, const std::string& path) {
  auto found = keys_.find(id);
  if (found == keys_.end()) return;
  Key key = *found->second;
  keys_.erase(found);
  ids_.erase(key);
  constexpr std::uint64_t kAll = IN_ALL_EVENTS & ~(IN_ACCESS | IN_CLOSE_NOWRITE | IN_OPEN);
  auto unmark = [&](int folder) {
    ::fanotify_mark(fd_.get(), FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, kAll | FAN_ONDIR | FAN_EVENT_ON_CHILD, folder, ".");
  };
  Fd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder && key_of(folder.get()) == key) return unmark(folder.get());
  // It was moved away. Where it can't be found any more its mark stays until it goes, and its events mean nothing.
  if (Fd moved = open_by(key)) unmark(moved.get());
}

Fd Fanotify::open_by(const Key& key) const {
  auto place = places_.find(key.substr(0, kFsid));
  errno = EOPNOTSUPP;
  if (place == places_.end()) return {};
  Fd mount(::open(place->second.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
  if (!mount || !key_of(mount.get()).starts_with(place->first)) {
    errno = EOPNOTSUPP;
    return {};
  }
  Handle handle;
  std::size_t at = kFsid;
  std::memcpy(&handle.get().handle_type, key.data() + at, sizeof handle.get().handle_type);
  at += sizeof handle.get().handle_type;
  handle.get().handle_bytes = static_cast<unsigned>(key.size() - at);
  std::memcpy(handle.get().f_handle, key.data() + at, key.size() - at);
  return Fd(::open_by_handle_at(mount.get(), &handle.get(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// A folder without a mark, in one that has a mark.
bool Fanotify::find_unmarked(const Key& key, KernelEvent& event, std::string& name) const {
  Fd folder = open_by(key);
  if (!folder) return false;
  Fd parent(::openat(folder.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return false;
  auto found = ids_.find(key_of(parent.get()));
  std::array<char, PATH_MAX> path;
  std::string link = "/proc/self/fd/" + std::to_string(folder.get());
  ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size <= 0) return false;
  name.assign(path.data(), static_cast<std::size_t>(size));
  name.erase(0, name.rfind('/') + 1);
  event.id = found == ids_.end() ? 0 : found->second;
  event.name = name;
  return true;
}

void Fanotify::read_one(const char* data, const Call& call) {
  fanotify_event_metadata about;
  std::memcpy(&about, data, sizeof about);
  KernelEvent event{.mask = static_cast<std::uint32_t>(about.mask), .pid = about.pid};
  if (event.mask & IN_Q_OVERFLOW) return call(event);
  for (std::size_t at = about.metadata_len; at + sizeof(fanotify_event_info_fid) < about.event_len;) {
    fanotify_event_info_header header;
    std::memcpy(&header, data + at, sizeof header);
    if (header.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME) {
      at += header.len;
      continue;
    }
    const char* fsid = data + at + sizeof header;
    const auto& handle = *reinterpret_cast<const file_handle*>(fsid + kFsid);
    Key key = key_from(fsid, handle);
    event.name = reinterpret_cast<const char*>(handle.f_handle) + handle.handle_bytes;
    if (event.name == ".") event.name = {};
    auto known = ids_.find(key);
    std::string place;
    if (known != ids_.end()) {
      event.id = known->second;
      if (event.name.empty() && (event.mask & IN_DELETE_SELF)) {
        event.mask |= IN_IGNORED;
        keys_.erase(event.id);
        ids_.erase(known);
      }
    } else if (!event.name.empty() || !(event.mask & IN_ATTRIB)) {
      return;  // a mark that is being removed
    } else if (!find_unmarked(key, event, place)) {
      if (errno == ESTALE) return;  // it is gone by now, which the folder that it stood in tells
      event.mask |= kLostFolder;
    }
    return call(event);
  }
}

bool Fanotify::read(const Call& call) {
  alignas(fanotify_event_metadata) std::array<char, 65536> buffer;
  ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
  if (size <= 0) return false;
  for (std::size_t at = 0; at + FAN_EVENT_METADATA_LEN <= static_cast<std::size_t>(size);) {
    fanotify_event_metadata about;
    std::memcpy(&about, buffer.data() + at, sizeof about);
    if (about.event_len < FAN_EVENT_METADATA_LEN) break;
    read_one(buffer.data() + at, call);
    at += about.event_len;
  }
  return static_cast<std::size_t>(size) >= buffer.size() / 2;
}

}  // namespace mgmt::events

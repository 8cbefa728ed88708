// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <system_error>

namespace mgmt {
namespace {

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// The build id among the notes of a segment, see elf(5).
std::string build_id_of(std::span<const unsigned char> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof head);
    notes = notes.subspan(sizeof head);
    std::size_t name = aligned(head.n_namesz), data = aligned(head.n_descsz);
    if (name + data > notes.size()) break;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(notes.data(), "GNU", 4) == 0)
      return hex(notes.subspan(name, head.n_descsz));
    notes = notes.subspan(name + data);
  }
  return {};
}

Result<const Module*> load(std::string_view name) {
  std::error_code failure;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure) return std::unexpected(Error::system(failure.value(), "finding out where this program is"));
  std::filesystem::path path = (program.parent_path() / "../lib/mgmt" / fmt::format("{}.so", name)).lexically_normal();
  std::string what = fmt::format("the module for `{}`, {}", name, path.native());
  if (!std::filesystem::exists(path, failure))
    return std::unexpected(
        Error(what + ", is not there")
            .hint(fmt::format("install mgmt as a whole (`cmake --install BUILD`): lib/mgmt goes beside "
                              "the folder of {}",
                              program.native())));
  // All symbols now: one that is missing would else end the program later.
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return std::unexpected(
        Error(fmt::format("{}, can't be loaded: {}", what, ::dlerror()))  // NOLINT(concurrency-mt-unsafe)
            .hint("if a library is missing, install it (svc: `apt-get install libsdbus-c++1`) and start "
                  "mgmt again"));
  const auto* module = static_cast<const Module*>(::dlsym(handle, "mgmt_module"));
  if (!module) return std::unexpected(Error(what + ", is no module of mgmt"));
  if (build_id().empty() || build_id() != module->core_build_id)
    return std::unexpected(Error(what + ", is of another build than this program")
                               .hint("install program and modules together, and start mgmt again"));
  return module;
}

// Stands in for a resource whose module can't be loaded.
class Unloadable : public InlineResource {
 public:
  Unloadable(std::shared_ptr<const Declaration> declaration, Error why)
      : InlineResource(std::move(declaration)), why_(std::move(why)) {}
  void watch(Subscriptions& /*into*/, Notify /*notify*/) override {}
  Delta check(const Inputs& /*inputs*/) override { throw why_; }
  void apply(const Delta& /*delta*/) override {}

 private:
  Error why_;
};

}  // namespace

std::string build_id() {
  std::string id;
  // The first is the program itself.
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        for (const ElfW(Phdr) & segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
          if (segment.p_type != PT_NOTE) continue;
          // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the loader tells it
          const auto* begin = reinterpret_cast<const unsigned char*>(info->dlpi_addr + segment.p_vaddr);
          std::string found = build_id_of({begin, segment.p_memsz});
          if (!found.empty()) *static_cast<std::string*>(into) = found;
        }
        return 1;
      },
      &id);
  return id;
}

Result<const Module*> load_module(std::string_view name) {
  // Tried once: what was refused stays so until the program is started again. On the loop's thread only.
  static std::map<std::string, Result<const Module*>, std::less<>> loaded;
  auto found = loaded.find(name);
  if (found == loaded.end()) found = loaded.emplace(name, load(name)).first;
  return found->second;
}

std::unique_ptr<Resource> create_from_module(std::string_view name, std::shared_ptr<const Declaration> declaration,
                                             Services& services) {
  Result<const Module*> module = load_module(name);
  if (!module) return std::make_unique<Unloadable>(std::move(declaration), module.error());
  return (*module)->create(std::move(declaration), services);
}

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "src/resources/file/ground.h"
#include "src/resources/file/params.h"
#include "src/resources/file/validate.h"
#include "src/resources/file/write.h"
#include "src/resources/resource.h"

namespace mgmt::file {

/// A file, folder or symlink. Small: there may be a hundred thousand of them.
class FileResource final : public BlockingResource {
 public:
  /// The declaration has passed validation.
  /// `services`: for what all files share; a test has none.
  FileResource(std::shared_ptr<const Declaration> declaration, events::FileWatcher& files, Unsynced& unsynced,
               Services* services = nullptr);

  void watch(Subscriptions& into, Notify notify) override;
  bool is_own_echo() override;
  std::shared_ptr<const Process> take_changer() override;
  Declaration undo() override;
  Delta check(const Inputs& inputs) override;
  void apply(const Delta& delta, const Inputs& inputs) override;
  std::unique_ptr<Staged> stage(const Delta& delta, const Inputs& inputs) override;

 private:
  class Waiting;

  const std::string& path() const;
  class Stand;
  Spot spot() const;
  /// As Ground::allow.
  void allow(const struct stat* there, const Attributes& attributes) const;
  Shows shows(const Want& want, const Found* found) const;
  Keeper* keeper() const { return services_ ? services_->keeper : nullptr; }
  void keep(const Spot& at, const Found& found, const std::string& sha256 = {}) const;

  Delta check_once(const Want& want, const Inputs& inputs);
  Delta check_absent(const Want& want, const Inputs& inputs);
  Delta check_file(const Want& want, const Inputs& inputs);
  Delta check_folder(const Want& want, const Inputs& inputs);
  Delta check_link(const Want& want);

  /// With `later`, a replaced file of a burst is left there: all but its place.
  void enforce(const Delta& delta, const Inputs& inputs, std::unique_ptr<Staged>* later);
  void apply_once(const Want& want, const Delta& delta, const Inputs& inputs, std::unique_ptr<Staged>* later);
  void apply_absent(const Want& want, std::uint64_t removes);
  std::optional<struct stat> apply_file(const Want& want, const Delta& delta, std::uint64_t checked,
                                        const Inputs& inputs, std::unique_ptr<Staged>* later);
  struct stat apply_folder(const Want& want, const Delta& delta);
  struct stat apply_link(const Want& want, const Delta& delta, std::uint64_t checked);
  void make_parents();
  void remember(const struct stat& status);
  void written(const struct stat& status);

  events::FileWatcher& files_;
  Unsynced& unsynced_;
  Services* services_;
  /// Where it is; during a check or an apply.
  Stand* stand_ = nullptr;
  /// Only where the path isn't written as such in the declaration.
  std::string own_path_;
  /// What the last check or apply left, as one number: see stamp_of.
  std::uint64_t stamp_ = 0;
};

}  // namespace mgmt::file

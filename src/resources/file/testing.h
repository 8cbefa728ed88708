// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of this folder share: a folder of their own, and a resource in one line.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

#include "src/events/inotify/file_watcher.h"
#include "src/resources/file/file.h"
#include "src/resources/file/params.h"
#include "src/resources/kind.h"
#include "src/resources/unsynced.h"

namespace mgmt::file {

struct Set {
  const char* name;
  Value value;
};

inline std::shared_ptr<Declaration> declare(const std::string& name, std::initializer_list<Set> params) {
  auto declaration = std::make_shared<Declaration>();
  declaration->kind = find_kind("file");
  declaration->name = name;
  for (const Set& set : params) {
    const Param* param = find_param(kParams, set.name);
    if (!param) throw Error(std::string("no parameter ") + set.name);
    Result<Value> value = check_value(*param, set.value);
    if (!value) throw value.error();
    declaration->params.set(static_cast<ParamIndex>(param - kParams), *value, {});
  }
  return declaration;
}

class FileTest : public testing::Test {
 public:
  ~FileTest() override {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  FileTest() {
    ::umask(027);
    // A child that will be killed works in its parent's folder, and couldn't remove one of its own.
    if (::getenv("MGMT_TEST_FOLDER")) return;
    char name[] = "/tmp/mgmt-file-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }

  std::string at(const std::string& name) const { return folder_ + "/" + name; }

  FileResource resource(const std::string& name, std::initializer_list<Set> params) {
    return FileResource(declare(name.starts_with('/') ? name : at(name), params), files_, unsynced_);
  }
  // Checks and applies once, as the engine does; what was found different.
  Delta enforce(FileResource& resource, const Inputs& inputs = {}) {
    Delta delta = resource.check(inputs);
    if (!delta.empty()) resource.apply(delta, inputs);
    return delta;
  }
  Delta enforce(const std::string& name, std::initializer_list<Set> params, const Inputs& inputs = {}) {
    FileResource made = resource(name, params);
    Delta delta = enforce(made, inputs);
    Delta rest = made.check(inputs);
    EXPECT_TRUE(rest.empty()) << to_text(rest.changes[0]);
    return delta;
  }
  // "doing: cause (hint)" of the Error that it throws, "" if none.
  std::string failure(const std::string& name, std::initializer_list<Set> params, const Inputs& inputs = {}) {
    try {
      FileResource made = resource(name, params);
      enforce(made, inputs);
      return "";
    } catch (const Error& error) {
      std::string text = error.text();
      for (std::size_t i; (i = text.find(folder_)) != std::string::npos;) text.replace(i, folder_.size(), "T");
      std::string hint = error.hint_text();
      for (std::size_t i; (i = hint.find(folder_)) != std::string::npos;) hint.replace(i, folder_.size(), "T");
      return hint.empty() ? text : text + " (" + hint + ")";
    }
  }

  void put(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::ofstream(at(name), std::ios::binary) << text;
    ASSERT_EQ(::chmod(at(name).c_str(), mode), 0);
  }
  std::string text(const std::string& name) const {
    std::ifstream in(at(name), std::ios::binary);
    if (!in) return "(missing)";
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void folder(const std::string& name) const { std::filesystem::create_directories(at(name)); }
  struct stat status(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(::lstat(at(name).c_str(), &status), 0) << name;
    return status;
  }
  std::string mode(const std::string& name) const { return octal(status(name).st_mode); }
  bool exists(const std::string& name) const {
    struct stat status{};
    return ::lstat(at(name).c_str(), &status) == 0;
  }
  // The names in the folder and below, sorted: "a a/b c".
  std::string names(const std::string& below = ".") const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(at(below)))
      all.push_back(entry.path().lexically_relative(at(below)));
    std::ranges::sort(all);
    std::string out;
    for (const std::string& name : all) out += (out.empty() ? "" : " ") + name;
    return out;
  }
  static std::string words(const Delta& delta) {
    std::string out;
    for (const Change& change : delta.changes) out += (out.empty() ? "" : "; ") + to_text(change);
    return out;
  }

  std::string folder_;
  Loop loop_;
  events::FileWatcher files_{loop_, [](const std::string&) {}};
  // A child that is killed is no loss of power: it writes faster without.
  Unsynced unsynced_{::getenv("MGMT_TEST_FOLDER") ? Durability::None : Durability::Burst};
};

}  // namespace mgmt::file

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/kind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "src/resources/svc/svc.h"

namespace mgmt::svc {
namespace {

struct Given {
  const char* state = nullptr;
  const char* startup = nullptr;
  bool session = false;
};

Declaration declare(const std::string& name, Given given) {
  Declaration declaration;
  declaration.kind = find_kind("svc");
  declaration.name = name;
  if (given.state) declaration.params.set(kState, Value(std::string(given.state)), {});
  if (given.startup) declaration.params.set(kStartup, Value(std::string(given.startup)), {});
  if (given.session) declaration.params.set(kSession, Value(true), {});
  return declaration;
}

std::string said(const std::string& name, Given given) {
  Declaration declaration = declare(name, given);
  Diagnostics diagnostics;
  declaration.kind->validate(declaration, diagnostics);
  std::string out;
  for (const Diagnostic& item : diagnostics.items())
    out += item.text + (item.hint.empty() ? "" : " (" + item.hint + ")") + "\n";
  return out;
}

std::vector<std::string> needs(const std::string& name, Given given) {
  Declaration declaration = declare(name, given);
  std::vector<Need> found;
  declaration.kind->needs(declaration, found);
  std::vector<std::string> names;
  for (const Need& need : found) names.push_back(need.name);
  return names;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

TEST(SvcKind, ANameWithoutATypeIsAService) {
  EXPECT_EQ(unit_name("ssh"), "ssh.service");
  EXPECT_EQ(unit_name("ssh.service"), "ssh.service");
  EXPECT_EQ(unit_name("apt-daily.timer"), "apt-daily.timer");
  EXPECT_EQ(unit_name("org.example.app"), "org.example.app.service");
  EXPECT_EQ(unit_name("getty@tty2"), "getty@tty2.service");
  EXPECT_EQ(unit_name("home.mount"), "home.mount");
  EXPECT_EQ(find_kind("service"), find_kind("svc"));
}

TEST(SvcKind, AcceptsWhatPeopleWrite) {
  EXPECT_EQ(said("ssh", {.state = "running", .startup = "enabled"}), "");
  EXPECT_EQ(said("getty@tty2", {.state = "running"}), "");
  EXPECT_EQ(said("dev-disk-by\\x2duuid-1.swap", {.startup = "masked"}), "");
  EXPECT_EQ(said("ssh", {.state = "stopped", .startup = "masked"}), "");
}

TEST(SvcKind, RefusesNamesThatAreNoUnits) {
  EXPECT_EQ(
      said("/etc", {.state = "running"}),
      "`/etc` can't be the name of a unit (letters, digits and : - _ . \\ @; systemd-escape(1) gives the name for a "
      "path)\n");
  EXPECT_NE(said("a b", {.state = "running"}), "");
  EXPECT_NE(said(std::string(300, 'a'), {.state = "running"}), "");
  EXPECT_EQ(said("getty@", {.state = "running"}),
            "`getty@.service` is a template, which can't run itself (name an instance of it: `getty@NAME.service`)\n");
}

TEST(SvcKind, AMaskedUnitCannotRun) {
  EXPECT_EQ(
      said("ssh", {.state = "running", .startup = "masked"}),
      "a masked unit can't be started, so it can't be `running` (write `state: stopped`, or another `startup`)\n");
}

TEST(SvcKind, ADeclarationOfNothingIsWorthAWord) {
  EXPECT_EQ(
      said("ssh", {}),
      "`svc[ssh]` declares nothing of its unit but that it exists (`state: running` starts it, `startup: enabled` "
      "starts it with the machine)\n");
}

TEST(SvcKind, ItsUnitFilesAndTheirDropInsComeFirst) {
  EXPECT_EQ(needs("ssh", {}),
            (std::vector<std::string>{"/etc/systemd/system/ssh.service", "/etc/systemd/system/ssh.service.d",
                                      "/usr/lib/systemd/system/ssh.service", "/usr/lib/systemd/system/ssh.service.d"}));
  std::vector<std::string> instance = needs("getty@tty2", {});
  EXPECT_TRUE(has(instance, "/etc/systemd/system/getty@tty2.service"));
  EXPECT_TRUE(has(instance, "/etc/systemd/system/getty@.service"));
  std::vector<std::string> mine = needs("app", {.session = true});
  EXPECT_TRUE(has(mine, "/etc/systemd/user/app.service"));
  EXPECT_FALSE(has(mine, "/etc/systemd/system/app.service"));
}

std::string parsed(std::string_view text) {
  std::optional<Question> found = parse_question(text);
  return found ? (found->session ? "user " : "system ") + found->unit : "none";
}

TEST(Question, IsOfOneUnitAndComesBack) {
  EXPECT_EQ(question(declare("ssh", {.state = "running"})), "system ssh.service");
  EXPECT_EQ(question(declare("a@b.timer", {.state = "running", .session = true})), "user a@b.timer");
  EXPECT_EQ(parsed("system ssh.service"), "system ssh.service");
  EXPECT_EQ(parsed("user a@b.timer"), "user a@b.timer");
}

TEST(Question, OfAnythingElseIsNone) {
  for (std::string_view text :
       {"", "system", "system ", "ssh.service", "root ssh.service", "system ssh", "system /etc/x.service",
        "system a b.service", "system ../x.service", "system .service"})
    EXPECT_EQ(parsed(text), "none") << text;
  EXPECT_EQ(parsed("system " + std::string(300, 'a') + ".service"), "none");
}

TEST(Svc, KnowsWhoChangesItsFile) {
  auto file = [](const char* path) {
    Declaration declaration;
    declaration.kind = find_kind("file");
    declaration.name = path;
    return declaration;
  };
  Declaration svc = declare("ssh", {.state = "running"});
  auto changes = [&](const char* path) {
    Declaration before = file(path);
    const Declaration* all[] = {&before};
    return changes_its_file(svc, all);
  };
  EXPECT_TRUE(changes("/etc/systemd/system/ssh.service"));
  EXPECT_TRUE(changes("/etc/systemd/system/ssh.service.d/local.conf"));
  EXPECT_FALSE(changes("/etc/ssh/sshd_config"));
  EXPECT_FALSE(changes("/etc/systemd/system/ssh.socket"));
  EXPECT_FALSE(changes_its_file(svc, {}));
}

}  // namespace
}  // namespace mgmt::svc

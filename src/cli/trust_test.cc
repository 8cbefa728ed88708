// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/cli/trust.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "src/base/fd.h"

namespace mgmt::cli {
namespace {

namespace fs = std::filesystem;

struct TrustTest : testing::Test {
  fs::path top;

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    char name[] = "/tmp/mgmt-trust-XXXXXX";
    top = mkdtemp(name);
    fs::create_directory(top / "etc");
    std::ofstream(top / "etc/web.yaml") << "graph: g\n";
    ::chmod((top / "etc").c_str(), 0755);
    ::chmod((top / "etc/web.yaml").c_str(), 0644);
  }
  void TearDown() override { fs::remove_all(top); }

  std::string judge(const std::string& path, const Trust& trust = Trust::of_root()) {
    auto wrong = trust.judge(top / path);
    if (!wrong) return "";
    std::string text = wrong->text() + " | " + wrong->hint_text();
    for (std::size_t at = 0; (at = text.find(top.string(), at)) != text.npos;)
      text.replace(at, top.string().size(), "T");
    return text;
  }
  void give(const std::string& path, uid_t owner) { ASSERT_EQ(::lchown((top / path).c_str(), owner, 0), 0); }
  void mode(const std::string& path, mode_t mode) { ASSERT_EQ(::chmod((top / path).c_str(), mode), 0); }
};

TEST_F(TrustTest, RootsOwnFileIsFineAlsoInAStickyFolder) {
  EXPECT_EQ(judge("etc/web.yaml"), "");
  mode("etc", 01777);
  EXPECT_EQ(judge("etc/web.yaml"), "");
  EXPECT_EQ(judge("etc/not-there.yaml"), "");
}

TEST_F(TrustTest, TheFileAndEachFolderAboveItIsJudged) {
  mode("etc", 0775);
  EXPECT_EQ(judge("etc/web.yaml"),
            "T/etc/web.yaml: T/etc can be written by others (mode 0775), who could change what root runs | chmod go-w "
            "T/etc; --trust-file runs it all the same");
  mode("etc", 0755);
  mode("etc/web.yaml", 0666);
  EXPECT_EQ(judge("etc/web.yaml"),
            "T/etc/web.yaml can be written by others (mode 0666), who could change what root runs | chmod go-w "
            "T/etc/web.yaml; --trust-file runs it all the same");
  mode("etc/web.yaml", 0644);
  give("etc", 4321);
  EXPECT_EQ(judge("etc/web.yaml"),
            "T/etc/web.yaml: T/etc belongs to user 4321, who could change what root runs | chown root T/etc; "
            "--trust-file runs it all the same");
  EXPECT_EQ(judge("etc/web.yaml", Trust::of_root(4321)), "");
  EXPECT_EQ(judge("etc/web.yaml", Trust()), "");
}

TEST_F(TrustTest, ALinkLeadsThroughItsOwnFolders) {
  fs::create_directory(top / "loose");
  fs::create_symlink("../etc/web.yaml", top / "loose/web.yaml");
  fs::create_symlink("loose", top / "way");
  EXPECT_EQ(judge("way/web.yaml"), "");
  give("loose/web.yaml", 4321);
  EXPECT_EQ(judge("way/web.yaml").substr(0, 62), "T/way/web.yaml: T/loose/web.yaml belongs to user 4321, who cou");
  give("loose/web.yaml", 0);
  mode("loose", 0777);
  EXPECT_NE(judge("way/web.yaml").find("T/loose can be written by others"), std::string::npos);
  fs::create_symlink("round", top / "round");
  EXPECT_EQ(judge("round"), "");
}

TEST_F(TrustTest, WhatIsOpenWasChosenByWhoOpenedIt) {
  give("etc/web.yaml", 4321);
  Fd file(::open((top / "etc/web.yaml").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(Trust::of_root().judge("/proc/self/fd/" + std::to_string(file.get())));
}

}  // namespace
}  // namespace mgmt::cli

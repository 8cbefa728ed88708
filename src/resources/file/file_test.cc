// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/file.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "src/resources/file/temporary.h"
#include "src/resources/file/testing.h"

namespace mgmt::file {
namespace {

using FileContent = FileTest;

TEST_F(FileContent, AMissingFileIsMade) {
  Delta delta = enforce("f", {{"content", Value("hello\n")}, {"mode", Value("0640")}});
  EXPECT_EQ(words(delta), "state: (none) → exists; content: (none) → 6 bytes 5891b5b5; mode: (none) → 0640");
  EXPECT_EQ(text("f"), "hello\n");
  EXPECT_EQ(mode("f"), "0640");
  EXPECT_EQ(names(), "f") << "no temporary file stays";
}

TEST_F(FileContent, ANewFileIsReadableWhateverTheUmask) {
  ::umask(0777);
  enforce("f", {{"content", Value("x")}});
  enforce("e", {{"state", Value("exists")}});
  enforce("d/", {{"state", Value("exists")}});
  EXPECT_EQ(mode("f"), "0644");
  EXPECT_EQ(mode("e"), "0644");
  EXPECT_EQ(text("e"), "");
  EXPECT_EQ(mode("d"), "0755");
}

TEST_F(FileContent, ADifferentContentIsReplacedAndTheRestKept) {
  put("f", "old and long", 0750);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(at("f").c_str(), 1234, 4321), 0);
    ASSERT_EQ(::chmod(at("f").c_str(), 0750), 0);
  }
  struct stat before = status("f");
  Delta delta = enforce("f", {{"content", Value("new")}});
  ASSERT_EQ(delta.changes.size(), 1U);
  EXPECT_EQ(delta.changes[0].param, "content");
  EXPECT_EQ(text("f"), "new");
  EXPECT_EQ(mode("f"), "0750");
  EXPECT_EQ(status("f").st_uid, before.st_uid);
  EXPECT_EQ(status("f").st_gid, before.st_gid);
  EXPECT_NE(status("f").st_ino, before.st_ino) << "a reader of the old file goes on with it";
}

TEST_F(FileContent, TheSameSizeIsNotTheSameContent) {
  put("f", "abc");
  enforce("f", {{"content", Value("abd")}});
  EXPECT_EQ(text("f"), "abd");
  put("e", "abc");
  enforce("e", {{"content", Value("")}});
  EXPECT_EQ(text("e"), "");
}

TEST_F(FileContent, BothTextsComeWhereSomebodyShowsThem) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  put("f", "old\n");
  Delta delta = resource("f", {{"content", Value("new\n")}}).check({.want_text = true, .dry = true});
  ASSERT_EQ(delta.changes.size(), 1U);
  ASSERT_TRUE(delta.changes[0].text);
  EXPECT_EQ(delta.changes[0].text->before, "old\n");
  EXPECT_EQ(delta.changes[0].text->after, "new\n");
  EXPECT_EQ(text("f"), "old\n") << "a check changes nothing";
}

TEST_F(FileContent, WhatIsShownOfItIsUpToWhoMayReadIt) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  auto shown = [&](std::initializer_list<Set> params) {
    std::string text;
    for (const Change& change : resource("f", params).check({.want_text = true, .dry = true}).changes)
      text += diff_of(change);
    return text;
  };
  Set content{"content", Value("a\nb\n")};
  EXPECT_EQ(shown({content}), "@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(shown({content, {"mode", Value("0640")}}), "(2 lines, not shown: `show_diff: true` would)\n");
  for (const Change& change : resource("f", {content}).check({.want_text = true}).changes)
    EXPECT_EQ(change.text, nullptr) << "it is declared";
  put("f", "old", 0600);
  EXPECT_EQ(shown({content, {"mode", Value("0644")}}), "(1 line → 2 lines, not shown: `show_diff: true` would)\n");
  EXPECT_EQ(shown({content, {"show_diff", Value(true)}}).substr(0, 2), "@@");
  put("f", "old");
  EXPECT_EQ(shown({content}).substr(0, 2), "@@");
  EXPECT_EQ(shown({content, {"show_diff", Value(false)}}), "(1 line → 2 lines, not shown: `show_diff: true` would)\n");
  EXPECT_EQ(shown({{"content", Value(std::string(100000, 'x'))}}), "(1 line → 1 line, too long to be shown)\n");
  put("f", std::string("a\0b", 3));
  EXPECT_EQ(shown({content, {"show_diff", Value(true)}}), "(binary content)\n");
  ASSERT_EQ(::chmod(folder_.c_str(), 0750), 0);
  put("f", "old");
  EXPECT_EQ(shown({content}).substr(0, 1), "(") << "not everybody gets to it";
}

TEST_F(FileContent, OutsideADryRunOnlyATextThatIsReplacedComes) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  auto file = resource("f", {{"content", Value("new\n")}});
  for (const Change& change : file.check({.want_text = true}).changes) EXPECT_FALSE(change.text) << change.param;
  put("f", "old\n");
  Delta delta = file.check({.want_text = true});
  ASSERT_EQ(delta.changes.size(), 1U);
  ASSERT_TRUE(delta.changes[0].text);
  EXPECT_EQ(delta.changes[0].text->before, "old\n");
}

TEST_F(FileContent, AnotherHardLinkKeepsTheOldContent) {
  put("f", "old");
  ASSERT_EQ(::link(at("f").c_str(), at("other").c_str()), 0);
  enforce("f", {{"content", Value("new")}});
  EXPECT_EQ(text("f"), "new");
  EXPECT_EQ(text("other"), "old");
}

TEST_F(FileContent, ExtendedAttributesAreKept) {
  put("f", "old");
  std::string large(1000, 'v');
  if (::setxattr(at("f").c_str(), "user.mgmt.one", "1", 1, 0) != 0)
    GTEST_SKIP() << "no user attributes on this file system";
  ASSERT_EQ(::setxattr(at("f").c_str(), "user.mgmt.large", large.data(), large.size(), 0), 0);
  enforce("f", {{"content", Value("new")}});
  char value[2000];
  EXPECT_EQ(::getxattr(at("f").c_str(), "user.mgmt.one", value, sizeof value), 1);
  ASSERT_EQ(::getxattr(at("f").c_str(), "user.mgmt.large", value, sizeof value), 1000);
  EXPECT_EQ(std::string(value, 1000), large);
}

TEST_F(FileContent, CapabilitiesGoWithTheContentAndThatIsSaid) {
  put("f", "old", 0755);
  // Version 2, cap_net_raw permitted and effective: linux/capability.h.
  const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
  if (::setxattr(at("f").c_str(), "security.capability", capability, sizeof capability, 0) != 0)
    GTEST_SKIP() << "needs root";
  char value[64];
  enforce("f", {{"owner", Value("1234")}});
  EXPECT_EQ(::getxattr(at("f").c_str(), "security.capability", value, sizeof value), 20) << "the same content";
  EXPECT_EQ(words(enforce("f", {{"content", Value("new")}})),
            "content: 3 bytes cba06b57 → 3 bytes 11507a0e; capabilities: cap_net_raw=ep → (none)");
  EXPECT_EQ(::getxattr(at("f").c_str(), "security.capability", value, sizeof value), -1);
}

TEST_F(FileContent, SetIdBitsGoWithTheContentUnlessTheyAreDeclared) {
  put("f", "old", 06755);
  EXPECT_TRUE(enforce("f", {{"content", Value("old")}}).empty()) << "the same content";
  EXPECT_EQ(words(enforce("f", {{"content", Value("new")}})),
            "content: 3 bytes cba06b57 → 3 bytes 11507a0e; mode: 6755 → 0755");
  EXPECT_EQ(mode("f"), "0755");
  ASSERT_EQ(::chmod(at("f").c_str(), 04755), 0);
  enforce("f", {{"content", Value("newer")}, {"mode", Value("4755")}});
  EXPECT_EQ(mode("f"), "4755");
  enforce("f", {{"content", Value("new")}, {"mode", Value("g+w")}});
  EXPECT_EQ(mode("f"), "0775") << "only what is declared";
}

TEST_F(FileContent, AHardLinkIsSaid) {
  put("f", "old");
  ASSERT_EQ(::link(at("f").c_str(), at("other").c_str()), 0);
  FileResource f = resource("f", {{"content", Value("new")}});
  Delta delta = f.check({});
  EXPECT_EQ(words(delta), "content: 3 bytes cba06b57 → 3 bytes 11507a0e; links: 2 → 1");
  ASSERT_EQ(delta.warnings.size(), 1U);
  EXPECT_TRUE(delta.warnings[0].contains("is one of 2 names")) << delta.warnings[0];
  EXPECT_TRUE(resource("f", {{"mode", Value("0600")}}).check({}).warnings.empty()) << "no content changes";
}

// What the check didn't say is looked at again.
TEST_F(FileContent, APowerGivenBetweenCheckAndApplyGoesOnlyOnceItIsSaid) {
  put("f", "old", 0755);
  FileResource f = resource("f", {{"content", Value("new")}});
  Delta delta = f.check({});
  ASSERT_EQ(::chmod(at("f").c_str(), 04755), 0);
  f.apply(delta, {});
  EXPECT_EQ(text("f"), "new");
  EXPECT_EQ(mode("f"), "0755");
}

// user::rw- user:1234:rwx group::r-- mask::rwx other::--- (linux/posix_acl_xattr.h)
constexpr unsigned char kAccessList[] = {2,    0, 0, 0,                          //
                                         0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,  //
                                         0x02, 0, 7, 0, 0xd2, 0x04, 0,    0,     //
                                         0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,  //
                                         0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                                         0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};

TEST_F(FileContent, AnAccessListIsKeptAsTheDeclaredModeNarrowsIt) {
  put("f", "old");
  if (::setxattr(at("f").c_str(), "system.posix_acl_access", kAccessList, sizeof kAccessList, 0) != 0)
    GTEST_SKIP() << "no access lists here";
  ASSERT_EQ(mode("f"), "0670");
  enforce("f", {{"content", Value("new")}});
  EXPECT_EQ(mode("f"), "0670");
  char list[64];
  ASSERT_EQ(::getxattr(at("f").c_str(), "system.posix_acl_access", list, sizeof list),
            static_cast<ssize_t>(sizeof kAccessList));
  EXPECT_EQ(std::memcmp(list, kAccessList, sizeof kAccessList), 0);
  enforce("f", {{"content", Value("newer")}, {"mode", Value("0600")}});
  EXPECT_EQ(mode("f"), "0600");
  ASSERT_EQ(::getxattr(at("f").c_str(), "system.posix_acl_access", list, sizeof list),
            static_cast<ssize_t>(sizeof kAccessList));
  EXPECT_EQ(list[4 + 3 * 8 + 2], 0) << "the mask";
}

TEST_F(FileContent, AFoldersDefaultAccessListReachesNewFilesButNotReplacedOnes) {
  put("f", "old", 0640);
  if (::setxattr(folder_.c_str(), "system.posix_acl_default", kAccessList, sizeof kAccessList, 0) != 0)
    GTEST_SKIP() << "no access lists here";
  enforce("f", {{"content", Value("new")}});
  EXPECT_EQ(mode("f"), "0640");
  char list[64];
  EXPECT_EQ(::getxattr(at("f").c_str(), "system.posix_acl_access", list, sizeof list), -1);
  enforce("g", {{"content", Value("new")}, {"mode", Value("0640")}});
  EXPECT_EQ(mode("g"), "0640");
  ASSERT_GT(::getxattr(at("g").c_str(), "system.posix_acl_access", list, sizeof list), 0);
  EXPECT_EQ(list[4 + 3 * 8 + 2], 4) << "the mask is no wider than the mode";
}

TEST_F(FileContent, ALargeSourceGoesPieceByPiece) {
  std::string large;
  for (int i = 0; i < 300000; ++i) large += std::to_string(i);
  put("from", large);
  FileResource copy = resource("to", {{"source", Value(at("from"))}});
  enforce(copy);
  EXPECT_EQ(text("to"), large);
  EXPECT_TRUE(copy.check({}).empty());
  large[large.size() - 1] ^= 1;
  put("from", large);
  EXPECT_EQ(enforce(copy).changes.size(), 1U);
  EXPECT_EQ(text("to"), large);
}

TEST_F(FileContent, AFileThatALinkMakesItsOwnFragmentIsAnError) {
  folder("conf.d");
  put("conf.d/one", "1");
  ASSERT_EQ(::symlink("conf.d", at("way").c_str()), 0);
  std::initializer_list<Set> declared = {{"fragments", Value(List{Value(at("way"))})}};
  put("conf.d/all", "");
  EXPECT_EQ(
      failure("conf.d/all", declared),
      "T/conf.d/all is its own fragment T/way/all, by another path (a symlink or a mount on the way leads there)");
  EXPECT_EQ(text("conf.d/all"), "");
  // A hard link is another entry, which goes on to hold the old content.
  std::filesystem::create_hard_link(at("conf.d/one"), at("all"));
  enforce("all", {{"fragments", Value(List{Value(at("conf.d/one"))})}});
}

TEST_F(FileContent, FragmentsAreJoinedInOrderAndAFolderByName) {
  folder("conf.d/sub");
  put("head", "head\n");
  put("conf.d/20", "twenty\n");
  put("conf.d/10", "ten\n");
  put("conf.d/sub/no", "no\n");
  FileResource joined = resource("f", {{"fragments", Value(List{Value(at("conf.d/")), Value(at("head"))})}});
  enforce(joined);
  EXPECT_EQ(text("f"), "ten\ntwenty\nhead\n");
  put("conf.d/15", "");
  EXPECT_TRUE(joined.check({}).empty());
  put("conf.d/15", "fifteen\n");
  enforce(joined);
  EXPECT_EQ(text("f"), "ten\nfifteen\ntwenty\nhead\n");
}

TEST_F(FileContent, ASourceThatCantBeReadIsAnError) {
  EXPECT_EQ(failure("f", {{"source", Value(at("no"))}}), "reading the source T/no: No such file or directory");
  EXPECT_EQ(failure("f", {{"fragments", Value(List{Value(at("no"))})}}),
            "reading the fragment T/no: No such file or directory");
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0644), 0);
  EXPECT_EQ(failure("f", {{"source", Value(at("fifo"))}}), "T/fifo is not a regular file, so it can't be copied");
  const char* made =
      "/proc/version is made by the kernel as it is read, and no file that could be copied (let an exec read it, and "
      "`send:` what it printed)";
  EXPECT_EQ(failure("f", {{"source", Value("/proc/version")}}), made);
  EXPECT_EQ(failure("f", {{"fragments", Value(List{Value("/proc/version")})}}), made);
  EXPECT_FALSE(exists("f"));
}

TEST_F(FileContent, AMissingFolderIsAnErrorThatSaysWhatToDo) {
  EXPECT_EQ(failure("a/b/f", {{"content", Value("x")}}),
            "T/a/b/f: the folder T/a/b doesn't exist (declare it too, as file `T/a/b/` with `state: exists` (`recurse: "
            "true` makes its parents))");
  put("a", "");
  EXPECT_EQ(failure("a/f", {{"content", Value("x")}}), "creating T/a/f: Not a directory");
}

// Runs in a child, and tells its words through memory that both see.
template <class Body>
std::string in_a_child(Body body) {
  auto* shared = static_cast<char*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pid_t child = ::fork();
  if (child == 0) {
    body().copy(shared, 4095);
    ::_exit(0);
  }
  int ending = 0;
  ::waitpid(child, &ending, 0);
  std::string said = shared;
  ::munmap(shared, 4096);
  return said;
}

template <class Body>
std::string as_nobody(Body body) {
  return in_a_child(
      [&]() -> std::string { return ::setgid(65534) == 0 && ::setuid(65534) == 0 ? body() : "can't become nobody"; });
}

using FileState = FileTest;

TEST_F(FileState, WithoutStateOnlyAContentMakesAFile) {
  EXPECT_EQ(failure("f", {{"mode", Value("0600")}}), "T/f doesn't exist (`state: exists` makes it)");
  EXPECT_EQ(failure("d/", {{"mode", Value("0700")}}), "T/d doesn't exist (`state: exists` makes it)");
  enforce("f", {{"state", Value("exists")}, {"mode", Value("0600")}});
  EXPECT_EQ(mode("f"), "0600");
}

TEST_F(FileState, ExistsLeavesTheContentAlone) {
  put("f", "mine");
  EXPECT_TRUE(enforce("f", {{"state", Value("exists")}}).empty());
  EXPECT_EQ(text("f"), "mine");
}

TEST_F(FileState, AbsentRemovesAFileAndALinkItself) {
  put("f", "x");
  put("kept", "x");
  ASSERT_EQ(::symlink("kept", at("link").c_str()), 0);
  EXPECT_EQ(words(enforce("f", {{"state", Value("absent")}, {"content", Value("x")}})), "state: exists → absent");
  enforce("link", {{"state", Value("absent")}});
  EXPECT_EQ(names(), "kept");
  EXPECT_TRUE(enforce("f", {{"state", Value("absent")}}).empty());
  EXPECT_TRUE(enforce("no/such/folder/f", {{"state", Value("absent")}}).empty());
}

TEST_F(FileState, AFolderGoesIfEmptyOrWithRecurse) {
  folder("empty");
  folder("full/sub/deep");
  put("full/sub/f", "x", 0);
  put("outside", "x");
  ASSERT_EQ(::symlink("../..", at("full/sub/up").c_str()), 0);
  enforce("empty/", {{"state", Value("absent")}});
  EXPECT_EQ(failure("full/", {{"state", Value("absent")}}),
            "the folder T/full isn't empty (`recurse: true` removes it with all that it holds)");
  EXPECT_TRUE(exists("full/sub/f"));
  enforce("full/", {{"state", Value("absent")}, {"recurse", Value(true)}});
  EXPECT_EQ(names(), "outside");
}

TEST_F(FileState, AMountPointIsNotRemoved) {
  std::string refused = "/proc is a mount point: removing it would remove what is mounted (unmount it first)";
  for (bool recurse : {false, true}) {
    try {
      resource("/proc/", {{"state", Value("absent")}, {"recurse", Value(recurse)}}).check({.dry = true});
      FAIL() << "was not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.text() + " (" + error.hint_text() + ")", refused);
    }
  }
}

TEST_F(FileState, AMountBelowStopsARemovalBeforeAnythingGoes) {
  folder("d/a");
  folder("d/m");
  put("d/a/f", "x");
  std::string said = in_a_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", at("d/m").c_str(), "tmpfs", 0, nullptr) != 0)
      return "no mounts";
    put("d/m/precious", "x");
    std::string refused = failure("d/", {{"state", Value("absent")}, {"recurse", Value(true)}}) + "; " +
                          failure("d", {{"content", Value("")}, {"force", Value(true)}});
    return refused + "; " + names();
  });
  if (said == "no mounts") GTEST_SKIP() << "mounting is not permitted here";
  std::string refused = "T/d/m is a mount point: removing it would remove what is mounted (unmount it first); ";
  EXPECT_EQ(said, refused + refused + "d d/a d/a/f d/m d/m/precious");
}

TEST_F(FileState, AFolderIsMadeWithItsParentsOnlyWithRecurse) {
  EXPECT_EQ(failure("a/b/c/", {{"state", Value("exists")}}),
            "T/a/b/c: the folder T/a/b doesn't exist (declare it too, as file `T/a/b/` with `state: exists` (`recurse: "
            "true` makes its parents))");
  enforce("a/b/c/", {{"state", Value("exists")}, {"recurse", Value(true)}, {"mode", Value("0700")}});
  EXPECT_EQ(mode("a"), "0755");
  EXPECT_EQ(mode("a/b"), "0755");
  EXPECT_EQ(mode("a/b/c"), "0700");
}

TEST_F(FileState, ANewFolderTakesTheSetGidBitOfItsParent) {
  ASSERT_EQ(::chmod(folder_.c_str(), 02755), 0);
  enforce("d/", {{"state", Value("exists")}});
  EXPECT_EQ(mode("d"), "2755");
  enforce("e/", {{"state", Value("exists")}, {"mode", Value("0755")}});
  EXPECT_EQ(mode("e"), "0755");
}

using FileForce = FileTest;

TEST_F(FileForce, AnotherTypeInTheWayIsAnErrorWithoutIt) {
  folder("folder/sub");
  put("file", "x");
  ASSERT_EQ(::symlink("file", at("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0644), 0);
  EXPECT_EQ(
      failure("folder", {{"content", Value("y")}}),
      "T/folder is a folder, not a file (`force: true` replaces it with the file; a folder's path ends with a slash)");
  EXPECT_EQ(failure("link", {{"content", Value("y")}}),
            "T/link is a symlink to file, not a file (`follow: true` writes to what it points to, `force: true` "
            "replaces it with the file, or declare what it points to)");
  EXPECT_EQ(failure("fifo", {{"content", Value("y")}}),
            "T/fifo is a FIFO, not a file (`force: true` replaces it with the file)");
  EXPECT_EQ(failure("folder", {{"mode", Value("0600")}}).substr(0, 33), "T/folder is a folder, not a file ");
  EXPECT_EQ(failure("file/", {{"state", Value("exists")}}),
            "T/file is a file, not a folder (`force: true` replaces it with the folder)");
  EXPECT_EQ(failure("file", {{"symlink", Value(true)}, {"source", Value("x")}}),
            "T/file is a file, not a symlink (`force: true` replaces it with the symlink)");
  EXPECT_EQ(failure("file/", {{"state", Value("absent")}}).substr(0, 30), "T/file is a file, not a folder");
  EXPECT_EQ(failure("folder", {{"state", Value("absent")}}),
            "T/folder is a folder, not a file (`force: true` removes it; a folder's path ends with a slash)");
  EXPECT_EQ(names(), "fifo file folder folder/sub link");
  EXPECT_EQ(text("file"), "x");
}

TEST_F(FileForce, EveryTypeReplacesEveryOther) {
  for (const char* there : {"file", "folder", "link", "fifo"}) {
    for (const char* wanted : {"file", "folder", "link"}) {
      if (std::string_view(there) == wanted) continue;
      SCOPED_TRACE(std::string(there) + " becomes " + wanted);
      std::string name = std::string("x") + there + wanted;
      if (std::string_view(there) == "file") put(name, "old");
      if (std::string_view(there) == "folder") {
        folder(name + "/a/b");
        put(name + "/a/b/c", "");
      }
      if (std::string_view(there) == "link") ASSERT_EQ(::symlink("/", at(name).c_str()), 0);
      if (std::string_view(there) == "fifo") ASSERT_EQ(::mkfifo(at(name).c_str(), 0600), 0);
      Value force(true);
      if (std::string_view(wanted) == "file") enforce(name, {{"content", Value("new")}, {"force", force}});
      if (std::string_view(wanted) == "folder") enforce(name + "/", {{"state", Value("exists")}, {"force", force}});
      if (std::string_view(wanted) == "link")
        enforce(name, {{"symlink", Value(true)}, {"source", Value("there")}, {"force", force}});
      if (std::string_view(wanted) == "file") EXPECT_EQ(text(name), "new");
      if (std::string_view(wanted) == "folder") EXPECT_TRUE(S_ISDIR(status(name).st_mode));
      if (std::string_view(wanted) == "link") EXPECT_EQ(std::filesystem::read_symlink(at(name)), "there");
    }
  }
  EXPECT_EQ(names().find(".mgmt-"), std::string::npos);
}

TEST_F(FileForce, AbsentTakesWhatIsThere) {
  folder("folder/sub");
  put("file", "x");
  enforce("folder", {{"state", Value("absent")}, {"force", Value(true)}});
  enforce("file/", {{"state", Value("absent")}, {"force", Value(true)}});
  EXPECT_EQ(names(), "");
}

using FileLink = FileTest;

TEST_F(FileLink, IsMadeCorrectedAndRemoved) {
  put("target", "kept");
  FileResource link = resource("link", {{"symlink", Value(true)}, {"source", Value("target")}});
  EXPECT_EQ(words(enforce(link)), "state: (none) → exists; source: (none) → target");
  EXPECT_TRUE(link.check({}).empty());
  EXPECT_TRUE(link.is_own_echo());
  std::filesystem::remove(at("link"));
  EXPECT_FALSE(link.is_own_echo());
  ASSERT_EQ(::symlink("elsewhere", at("link").c_str()), 0);
  EXPECT_EQ(words(enforce(link)), "source: elsewhere → target");
  EXPECT_EQ(text("link"), "kept");
  enforce("link", {{"symlink", Value(true)}, {"state", Value("absent")}});
  EXPECT_EQ(names(), "target");
}

TEST_F(FileLink, ALongTargetIsReadWhole) {
  std::string target(3000, 'x');
  for (std::size_t i = 0; i < target.size(); i += 100) target[i] = '/';
  enforce("link", {{"symlink", Value(true)}, {"source", Value(target)}});
  EXPECT_EQ(std::filesystem::read_symlink(at("link")), target);
}

using FileAttributes = FileTest;

TEST_F(FileAttributes, AModeIsChangedInPlace) {
  put("f", "text", 0644);
  struct stat before = status("f");
  EXPECT_EQ(words(enforce("f", {{"content", Value("text")}, {"mode", Value("u=rw,g=,o=")}})), "mode: 0644 → 0600");
  EXPECT_EQ(mode("f"), "0600");
  EXPECT_EQ(status("f").st_ino, before.st_ino);
  EXPECT_EQ(words(enforce("f", {{"mode", Value("g+r")}})), "mode: 0600 → 0640");
  folder("d");
  ASSERT_EQ(::chmod(at("d").c_str(), 0700), 0);
  EXPECT_EQ(words(enforce("d/", {{"mode", Value("a+rX")}})), "mode: 0700 → 0755");
}

TEST_F(FileAttributes, AModeThatForbidsReadingCanBeChangedToo) {
  put("f", "text", 0);
  enforce("f", {{"mode", Value("0640")}});
  EXPECT_EQ(mode("f"), "0640");
}

TEST_F(FileAttributes, AnUnknownOwnerIsAnError) {
  EXPECT_EQ(failure("f", {{"content", Value("")}, {"owner", Value("no-such-user")}}),
            "there is no user `no-such-user` on this host");
  EXPECT_EQ(failure("f", {{"content", Value("")}, {"group", Value("no-such-group")}}),
            "there is no group `no-such-group` on this host");
  EXPECT_FALSE(exists("f"));
}

TEST_F(FileAttributes, OwnersAreGiven) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(
      words(enforce(
          "f",
          {{"content", Value("")}, {"owner", Value("daemon")}, {"group", Value("12345")}, {"mode", Value("6755")}})),
      "state: (none) → exists; content: (none) → 0 bytes e3b0c442; owner: (none) → daemon; group: (none) → 12345; "
      "mode: (none) → 6755");
  EXPECT_EQ(status("f").st_uid, 1U);
  EXPECT_EQ(status("f").st_gid, 12345U);
  EXPECT_EQ(mode("f"), "6755");
  EXPECT_EQ(words(enforce("f", {{"owner", Value("0")}, {"mode", Value("4755")}})),
            "owner: daemon → root; mode: 6755 → 4755");
  EXPECT_EQ(mode("f"), "4755") << "chown takes the bit off, so the mode comes after it";
  enforce("f", {{"owner", Value("daemon")}});
  EXPECT_EQ(mode("f"), "0755") << "nobody gets somebody else's set-user-id";
  ASSERT_EQ(::chmod(at("f").c_str(), 04755), 0);
  enforce("f", {{"owner", Value("root")}, {"content", Value("new")}});
  EXPECT_EQ(mode("f"), "0755");
  enforce("l", {{"symlink", Value(true)}, {"source", Value("f")}, {"owner", Value("daemon")}});
  EXPECT_EQ(status("l").st_uid, 1U);
  EXPECT_EQ(status("f").st_uid, 0U) << "the link's, not its target's";
}

TEST_F(FileAttributes, WithoutThePermissionItIsAnErrorAndTheOldFileStays) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody who may not";
  put("secret", "x", 0600);
  put("f", "old", 0666);
  folder("mine");
  put("mine/f", "old", 0644);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(at("mine").c_str(), 01777), 0);
  EXPECT_EQ(as_nobody([&] { return failure("secret", {{"content", Value("y")}}); }),
            "reading T/secret: Permission denied: user 65534 may not read T/secret (0600, of user 0 and group 0)");
  EXPECT_EQ(as_nobody([&] { return failure("f", {{"content", Value("y")}}); }),
            "creating T/f: Permission denied: user 65534 may not write to T (0755, of user 0 and group 0)");
  EXPECT_EQ(as_nobody([&] { return failure("f", {{"mode", Value("0600")}}); }),
            "setting the mode of T/f: Operation not permitted: T/f belongs to user 0, and mgmt runs as 65534 (run it "
            "as root, or "
            "as the owner)");
  EXPECT_EQ(as_nobody([&] { return failure("mine/f", {{"content", Value("y")}}); }),
            "giving T/mine/f to user root, group root: Operation not permitted: T/mine/f belongs to user 0, and mgmt "
            "runs as 65534 (only root can give a file to somebody else)");
  EXPECT_EQ(text("f"), "old");
  EXPECT_EQ(text("mine/f"), "old");
  EXPECT_EQ(names(), "f mine mine/f secret");
}

using FileEcho = FileTest;

TEST_F(FileEcho, OnlyTheStateThatWeLeftIsOurs) {
  FileResource f = resource("f", {{"content", Value("x")}});
  EXPECT_FALSE(f.is_own_echo()) << "never checked";
  enforce(f);
  EXPECT_TRUE(f.is_own_echo());
  ASSERT_EQ(::chmod(at("f").c_str(), 0600), 0);
  EXPECT_FALSE(f.is_own_echo());
  f.check({});
  EXPECT_TRUE(f.is_own_echo()) << "as the last check saw it";
  std::filesystem::remove(at("f"));
  EXPECT_FALSE(f.is_own_echo());

  FileResource gone = resource("f", {{"state", Value("absent")}});
  enforce(gone);
  EXPECT_TRUE(gone.is_own_echo());
  put("f", "");
  EXPECT_FALSE(gone.is_own_echo());
  enforce(gone);
  EXPECT_TRUE(gone.is_own_echo());
}

TEST_F(FileEcho, AFolderIsNotChangedByWhatOthersPutInIt) {
  FileResource d = resource("d/", {{"state", Value("exists")}});
  enforce(d);
  EXPECT_TRUE(d.is_own_echo());
  put("d/f", "x");
  EXPECT_TRUE(d.is_own_echo());
  ASSERT_EQ(::chmod(at("d").c_str(), 0700), 0);
  EXPECT_FALSE(d.is_own_echo());
}

TEST_F(FileEcho, WhatIsWrittenIsToBeSynced) {
  enforce("f", {{"content", Value("x")}});
  Unsynced::Batch batch = unsynced_.take();
  ASSERT_EQ(batch.devices.size(), 1U);
  EXPECT_EQ(batch.devices.begin()->first, status("f").st_dev);
  EXPECT_EQ(batch.devices.begin()->second.paths, std::vector{at("f")});
  enforce("f", {{"content", Value("x")}});
  EXPECT_TRUE(unsynced_.take().empty());
}

using FileRace = FileTest;

TEST_F(FileRace, AFileThatAppearsBetweenCheckAndApplyIsLookedAtAgain) {
  FileResource f = resource("f", {{"content", Value("ours")}});
  Delta delta = f.check({});
  put("f", "theirs", 0600);
  f.apply(delta, {});
  EXPECT_EQ(text("f"), "ours");
  EXPECT_EQ(mode("f"), "0600") << "it was replaced as one that was there";

  FileResource g = resource("g", {{"content", Value("ours")}});
  delta = g.check({});
  folder("g");
  EXPECT_THROW(g.apply(delta, {}), Error);
  EXPECT_TRUE(S_ISDIR(status("g").st_mode)) << "nothing goes that wasn't to be replaced";
  EXPECT_EQ(names(), "f g");
}

TEST_F(FileRace, AFileThatGoesOrBecomesALinkBetweenIsLookedAtAgain) {
  put("f", "old");
  FileResource f = resource("f", {{"content", Value("ours")}});
  Delta delta = f.check({});
  std::filesystem::remove(at("f"));
  f.apply(delta, {});
  EXPECT_EQ(text("f"), "ours");

  put("g", "old");
  put("precious", "precious", 0644);
  FileResource g = resource("g", {{"mode", Value("0777")}});
  delta = g.check({});
  std::filesystem::remove(at("g"));
  ASSERT_EQ(::symlink("precious", at("g").c_str()), 0);
  EXPECT_THROW(g.apply(delta, {}), Error);
  EXPECT_EQ(mode("precious"), "0644");

  put("h", "x");
  FileResource h = resource("h", {{"state", Value("absent")}});
  delta = h.check({});
  std::filesystem::remove(at("h"));
  folder("h");
  EXPECT_THROW(h.apply(delta, {}), Error);
  EXPECT_TRUE(exists("h"));
}

// A folder that is swapped for another brings another file, or an older one, without an event of the file's own.
TEST_F(FileRace, AttributesAreOnlyChangedOfWhatWasChecked) {
  put("f", "right", 0600);
  FileResource f = resource("f", {{"content", Value("right")}, {"mode", Value("0644")}});
  Delta delta = f.check({});
  EXPECT_EQ(words(delta), "mode: 0600 → 0644");
  put("other", "wrong", 0600);
  std::filesystem::rename(at("other"), at("f"));
  f.apply(delta, {});
  EXPECT_EQ(text("f"), "right");
  EXPECT_EQ(mode("f"), "0644");
  EXPECT_TRUE(f.is_own_echo());

  ASSERT_EQ(::chmod(at("f").c_str(), 0600), 0);
  delta = f.check({});
  put("f", "wrong", 0600);  // in place
  f.apply(delta, {});
  EXPECT_EQ(text("f"), "right");
  EXPECT_EQ(mode("f"), "0644");

  folder("d");
  ASSERT_EQ(::chmod(at("d").c_str(), 0700), 0);
  FileResource d = resource("d/", {{"mode", Value("0755")}, {"state", Value("exists")}, {"force", Value(true)}});
  delta = d.check({});
  std::filesystem::remove(at("d"));
  put("d", "a file", 0600);
  d.apply(delta, {});
  EXPECT_TRUE(S_ISDIR(status("d").st_mode));
}

// A log that grows all the time gets its mode nevertheless.
TEST_F(FileRace, AContentThatIsNotOursMayChangeBetween) {
  put("log", "one\n", 0600);
  FileResource log = resource("log", {{"mode", Value("0644")}});
  Delta delta = log.check({});
  put("log", "one\ntwo\n", 0600);
  log.apply(delta, {});
  EXPECT_EQ(mode("log"), "0644");
  EXPECT_EQ(text("log"), "one\ntwo\n");
}

// Makes what is missing, while another thread tries to disturb it the moment it is there: what a foreign hand left must
// never pass for ours.
template <class Prepare, class Disturb, class Judge>
void disturbed_at_once(FileResource& made, Prepare prepare, Disturb disturb, Judge judge) {
  constexpr int kRounds = 5000;
  std::atomic<int> begun = 0, applied = 0, done = 0;
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (begun < round) std::this_thread::yield();
      while (!disturb() && applied < round) {
      }
      done = round;
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    prepare();
    Delta delta = made.check({});
    begun = round;
    made.apply(delta, {});
    applied = round;
    while (done < round) std::this_thread::yield();
    judge();
  }
  other.join();
}

TEST_F(FileRace, ALinkThatIsReplacedAtOnceIsNotOurs) {
  FileResource link = resource("link", {{"symlink", Value(true)}, {"source", Value("ours")}});
  std::string name = at("link"), theirs = at("theirs");
  disturbed_at_once(
      link,
      [&] {
        std::filesystem::remove(name);
        std::filesystem::remove(theirs);
        EXPECT_EQ(::symlink("theirs", theirs.c_str()), 0);
      },
      [&] { return ::renameat2(AT_FDCWD, theirs.c_str(), AT_FDCWD, name.c_str(), RENAME_EXCHANGE) == 0; },
      [&] {
        if (std::filesystem::read_symlink(name) != "ours") EXPECT_FALSE(link.is_own_echo());
      });
}

TEST_F(FileRace, AFileThatIsCutAtOnceIsNotOurs) {
  FileResource file = resource("f", {{"content", Value("ours")}});
  std::string name = at("f");
  disturbed_at_once(
      file, [&] { std::filesystem::remove(name); }, [&] { return ::truncate(name.c_str(), 2) == 0; },
      [&] {
        if (text("f") != "ours") EXPECT_FALSE(file.is_own_echo());
      });
}

TEST_F(FileRace, TwoThreadsOnOneFileEndWithOneOfTheTwo) {
  auto work = [&](const char* content, const char* own) {
    FileResource shared = resource("shared", {{"content", Value(content)}});
    FileResource mine = resource(own, {{"content", Value(content)}});
    for (int i = 0; i < 300; ++i) {
      std::filesystem::remove(at(own));
      enforce(mine);
      try {
        enforce(shared);
      } catch (const Raced&) {
        // The other one was faster five times in a row.
      }
      std::string now = text("shared");
      ASSERT_TRUE(now == "first" || now == "second, longer") << now;
    }
  };
  std::thread one(work, "first", "one"), two(work, "second, longer", "two");
  one.join();
  two.join();
  EXPECT_EQ(text("one"), "first");
  EXPECT_EQ(text("two"), "second, longer");
  EXPECT_EQ(names(), "one shared two");
}

// A second agent replaces the file all the time: no moment shows more than the final mode allows.
TEST_F(FileRace, NoMomentIsWiderThanTheMode) {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> wide = 0, seen = 0;
  std::thread spy([&] {
    while (!stop) {
      for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        struct stat status{};
        if (::lstat(entry.path().c_str(), &status) != 0) continue;
        ++seen;
        wide |= status.st_mode & 0077;
      }
    }
  });
  for (int i = 0; i < 300; ++i) {
    enforce("f", {{"content", Value(std::to_string(i))}, {"mode", Value("0600")}});
    if (i % 3 == 0) std::filesystem::remove(at("f"));
  }
  while (seen == 0) std::this_thread::yield();
  stop = true;
  spy.join();
  EXPECT_EQ(wide, 0U);
}

using FileWatch = FileTest;

TEST_F(FileWatch, EventsOfThePathAndOfItsSource) {
  put("from", "one");
  FileResource copy = resource("to", {{"source", Value(at("from"))}});
  Subscriptions subscriptions;
  int entries = 0, again = 0;
  copy.watch(subscriptions, [&](Look look) { ++(look == Look::Entry ? entries : again); });
  EXPECT_EQ(subscriptions.size(), 2U);
  enforce(copy);
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(entries, 0);
  EXPECT_EQ(again, 0);
  EXPECT_TRUE(copy.is_own_echo());
  put("from", "two");
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(again, 0);
  subscriptions.clear();
  entries = again = 0;
  std::filesystem::remove(at("to"));
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_EQ(entries + again, 0);
}

TEST_F(FileWatch, EventsOfFragmentsAndOfWhatComesIntoTheirFolder) {
  folder("conf.d");
  put("head", "head");
  FileResource joined = resource("f", {{"fragments", Value(List{Value(at("head")), Value(at("conf.d/"))})}});
  Subscriptions subscriptions;
  int again = 0;
  joined.watch(subscriptions, [&](Look look) { again += look == Look::Again; });
  enforce(joined);
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_EQ(again, 0);
  put("conf.d/10", "ten");
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(again, 0);
  again = 0;
  put("head", "other");
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(again, 0);
}

TEST_F(FileWatch, EventsBelowATree) {
  folder("from/sub");
  put("from/sub/f", "one");
  FileResource tree = resource("to/", {{"source", Value(at("from/"))}, {"recurse", Value(true)}});
  Subscriptions subscriptions;
  int calls = 0;
  tree.watch(subscriptions, [&](Look) { ++calls; });
  enforce(tree);
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_FALSE(tree.is_own_echo()) << "one stat can't tell for a tree";
  calls = 0;
  put("to/sub/f", "drift");
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(calls, 0);
  enforce(tree);
  for (int i = 0; i < 10; ++i) loop_.poll();
  calls = 0;
  put("from/sub/f", "two");
  for (int i = 0; i < 10; ++i) loop_.poll();
  EXPECT_GT(calls, 0);
}

}  // namespace
}  // namespace mgmt::file

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/file/tree.h"

#include "src/resources/file/testing.h"

namespace mgmt::file {
namespace {

class FileTree : public FileTest {
 protected:
  FileTree() {
    folder("from/sub/deep");
    put("from/a", "a", 0640);
    put("from/sub/b", "b", 04755);
    EXPECT_EQ(::symlink("a", at("from/link").c_str()), 0);
    EXPECT_EQ(::chmod(at("from/sub").c_str(), 0750), 0);
  }
  Inputs managing(std::vector<std::string> names) const {
    auto paths = std::make_shared<ManagedPaths>();
    paths->all.push_back({at("to")});
    for (const std::string& name : names) paths->all.push_back({at(name)});
    std::ranges::sort(paths->all, {}, &ManagedPaths::One::path);
    return {.managed = std::move(paths)};
  }
  Value from() const { return Value(at("from/")); }
  const Value yes_{true};
};

TEST_F(FileTree, IsCopiedWithTheModesOfItsSource) {
  Delta delta = enforce("to/", {{"source", from()}, {"recurse", yes_}});
  EXPECT_EQ(words(delta),
            "state: (none) → exists; a: content: (none) → 1 byte ca978112; link: source: (none) → a; sub: state: "
            "(none) → exists; "
            "sub/b: content: (none) → 1 byte 3e23e816; sub/deep: state: (none) → exists");
  EXPECT_EQ(names("to"), "a link sub sub/b sub/deep");
  EXPECT_EQ(text("to/sub/b"), "b");
  EXPECT_EQ(mode("to/a"), "0640");
  EXPECT_EQ(mode("to/sub/b"), "0755") << "a copy gets no set-id bit";
  EXPECT_EQ(mode("to/sub"), "0750");
  EXPECT_EQ(std::filesystem::read_symlink(at("to/link")), "a");
}

TEST_F(FileTree, OnlyWhatDiffersChangesAndTheRestStays) {
  enforce("to/", {{"source", from()}, {"recurse", yes_}});
  put("to/own", "mine");
  put("to/a", "drifted", 0600);
  put("from/sub/new", "new");
  EXPECT_EQ(words(enforce("to/", {{"source", from()}, {"recurse", yes_}})),
            "a: content: 7 bytes 6d749f6d → 1 byte ca978112; sub/new: content: (none) → 3 bytes 11507a0e");
  EXPECT_EQ(text("to/a"), "a");
  EXPECT_EQ(mode("to/a"), "0600") << "a file that is there keeps its mode";
  EXPECT_EQ(text("to/own"), "mine");
}

TEST_F(FileTree, ThatALinkLeadsIntoItsSourceIsNotCopiedThere) {
  ASSERT_EQ(::symlink("from/sub", at("way").c_str()), 0);
  EXPECT_EQ(failure("way/to/", {{"source", from()}, {"recurse", yes_}}),
            "T/way/to/ lies in its own source T/from/, by another path (a symlink or a mount on the way leads there)");
  folder("from/sub/to");
  EXPECT_EQ(failure("way/to/", {{"source", from()}, {"recurse", yes_}}),
            "T/way/to/ lies in its own source T/from/, by another path (a symlink or a mount on the way leads there)");
  EXPECT_EQ(names("from/sub"), "b deep to");
}

TEST_F(FileTree, WhoseSourceALinkLeadsIntoItIsNotPurged) {
  ASSERT_EQ(::symlink("from/sub", at("way").c_str()), 0);
  EXPECT_EQ(failure("from/", {{"source", Value(at("way/"))}, {"recurse", yes_}, {"purge", yes_}}, managing({})),
            "the source T/way/ lies in T/from/ itself, by another path (a symlink or a mount on the way leads there)");
  EXPECT_EQ(names("from"), "a link sub sub/b sub/deep");
}

TEST_F(FileTree, AnotherTypeInTheWayNeedsForce) {
  folder("to/a/x");
  EXPECT_EQ(failure("to/", {{"source", from()}, {"recurse", yes_}}),
            "T/to/a is a folder, and the source has a file there (`force: true` replaces it)");
  EXPECT_EQ(names("to"), "a a/x");
  // Not through a link to somewhere else.
  folder("elsewhere");
  ASSERT_EQ(::symlink(at("elsewhere").c_str(), at("to/sub").c_str()), 0);
  enforce("to/", {{"source", from()}, {"recurse", yes_}, {"force", yes_}});
  EXPECT_EQ(text("to/a"), "a");
  EXPECT_EQ(names("to"), "a link sub sub/b sub/deep");
  EXPECT_EQ(names("elsewhere"), "");
}

TEST_F(FileTree, WhatCantBeCopiedStopsItBeforeAnythingHappens) {
  ASSERT_EQ(::mkfifo(at("from/z").c_str(), 0644), 0);
  folder("to");
  put("to/own", "");
  EXPECT_EQ(failure("to/", {{"source", from()}, {"recurse", yes_}, {"purge", yes_}}, managing({})),
            "T/from/z is a FIFO, and can't be copied");
  EXPECT_EQ(names("to"), "own");
}

TEST_F(FileTree, AFileThatAnotherResourceDeclaresIsThatOnes) {
  folder("to");
  put("to/a", "theirs");
  enforce("to/", {{"source", from()}, {"recurse", yes_}}, managing({"to/a"}));
  EXPECT_EQ(text("to/a"), "theirs");
  EXPECT_EQ(text("to/sub/b"), "b");
}

TEST_F(FileTree, PurgeLeavesOnlyTheSourceAndWhatOthersManage) {
  folder("to/old/x");
  folder("to/way/to/it");
  folder("to/theirs/inner");
  put("to/junk", "");
  put("to/old/x/y", "");
  put("to/way/to/it/f", "kept");
  put("to/way/junk", "");
  put("to/theirs/inner/f", "kept");
  put("to/file", "kept");
  put("outside", "kept");
  ASSERT_EQ(::symlink(folder_.c_str(), at("to/old/up").c_str()), 0);
  Delta delta = enforce("to/", {{"source", from()}, {"recurse", yes_}, {"purge", yes_}},
                        managing({"to/way/to/it/f", "to/theirs", "to/file", "to/filex"}));
  EXPECT_EQ(delta.changes.back().item, "way/junk");
  EXPECT_EQ(names("to"),
            "a file link sub sub/b sub/deep theirs theirs/inner theirs/inner/f way way/to way/to/it way/to/it/f");
  EXPECT_EQ(text("outside"), "kept");
}

TEST_F(FileTree, PurgeWithoutASourceEmptiesTheFolder) {
  folder("to/x/y");
  put("to/kept", "");
  EXPECT_EQ(words(enforce("to/", {{"recurse", yes_}, {"purge", yes_}}, managing({"to/kept"}))),
            "x: state: exists → absent (2 entries)");
  EXPECT_EQ(names("to"), "kept");
}

TEST_F(FileTree, WithoutTheViewNothingIsPurged) {
  folder("to/x");
  EXPECT_TRUE(enforce("to/", {{"recurse", yes_}, {"purge", yes_}}).empty());
  EXPECT_EQ(names("to"), "x");
}

TEST_F(FileTree, PurgeStopsAtASourceThatIsMissingOrEmpty) {
  folder("to");
  put("to/f", "");
  folder("empty");
  EXPECT_EQ(failure("to/", {{"source", Value(at("empty/"))}, {"recurse", yes_}, {"purge", yes_}}, managing({})),
            "the source T/empty/ is empty, so a purge would empty T/to/ (`force: true` allows it)");
  EXPECT_EQ(failure("to/", {{"source", Value(at("no/"))}, {"recurse", yes_}, {"purge", yes_}}, managing({})),
            "reading the source T/no/: No such file or directory");
  EXPECT_EQ(names("to"), "f");
  enforce("to/", {{"source", Value(at("empty/"))}, {"recurse", yes_}, {"purge", yes_}, {"force", yes_}}, managing({}));
  EXPECT_EQ(names("to"), "");
  EXPECT_NE(failure("to/", {{"source", Value(at("no/"))}, {"recurse", yes_}, {"force", yes_}}), "")
      << "a copy needs its source";
}

TEST_F(FileTree, AFolderThatBecameALinkBetweenCheckAndApplyIsNotFollowed) {
  folder("to/sub");
  folder("elsewhere");
  FileResource tree = resource("to/", {{"source", from()}, {"recurse", yes_}});
  Delta delta = tree.check({});
  std::filesystem::remove(at("to/sub"));
  ASSERT_EQ(::symlink(at("elsewhere").c_str(), at("to/sub").c_str()), 0);
  EXPECT_THROW(tree.apply(delta, {}), Error);
  EXPECT_EQ(names("elsewhere"), "");
}

TEST_F(FileTree, AFolderThatBecameAnotherBetweenCheckAndApplyIsLookedAtAgain) {
  folder("to");
  put("to/a", "");
  put("to/b", "");
  FileResource tree = resource("to/", {{"recurse", yes_}, {"purge", yes_}});
  Delta delta = tree.check(managing({}));
  std::filesystem::rename(at("to"), at("moved"));
  folder("to/a");
  put("to/a/1", "");
  put("to/a/2", "");
  try {
    tree.apply(delta, managing({}));
    ADD_FAILURE() << "more went than was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "more came to " + at("to") + " since it was checked: nothing more of it is removed");
  }
  EXPECT_EQ(names("to"), "a a/1 a/2");
}

TEST_F(FileTree, ASourceFolderMayBeALink) {
  ASSERT_EQ(::symlink("from", at("current").c_str()), 0);
  enforce("to/", {{"source", Value(at("current/"))}, {"recurse", yes_}});
  EXPECT_EQ(names("to"), "a link sub sub/b sub/deep");
}

}  // namespace
}  // namespace mgmt::file

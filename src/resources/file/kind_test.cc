// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/kind.h"

#include "src/resources/file/testing.h"

namespace mgmt {
extern const Kind kFileKind;

namespace file {
namespace {

// "level: text (hint)" of each, one a line.
std::string said(const std::string& name, std::initializer_list<Set> params) {
  Diagnostics diagnostics;
  kFileKind.validate(*declare(name, params), diagnostics);
  std::string out;
  for (const Diagnostic& item : diagnostics.items()) {
    const char* level = item.level == Diagnostic::Level::Error     ? "error: "
                        : item.level == Diagnostic::Level::Warning ? "warning: "
                                                                   : "note: ";
    out +=
        (out.empty() ? "" : "\n") + std::string(level) + item.text + (item.hint.empty() ? "" : " (" + item.hint + ")");
  }
  return out;
}

const Value kYes(true);

TEST(FileKind, SaysHowMuchItMayRemoveAtMost) {
  auto at_most = [](const std::string& name, std::initializer_list<Set> params) {
    return kFileKind.may_remove(*declare(name, params));
  };
  EXPECT_EQ(at_most("/f", {{"content", Value("x")}}), 0u);
  EXPECT_EQ(at_most("/d/", {{"source", Value("/s/")}, {"recurse", kYes}}), 0u);
  EXPECT_EQ(at_most("/f", {{"state", Value("absent")}}), 1u);
  EXPECT_EQ(at_most("/d/", {{"state", Value("absent")}}), 1u) << "an empty one";
  EXPECT_EQ(at_most("/d/", {{"state", Value("absent")}, {"recurse", kYes}}), Kind::kMany);
  EXPECT_EQ(at_most("/d/", {{"recurse", kYes}, {"purge", kYes}}), Kind::kMany);
  EXPECT_EQ(at_most("/f", {{"content", Value("x")}, {"force", kYes}}), Kind::kMany);
}

TEST(FileKind, KnowsWhatIsTheSameHoweverThePathIsWritten) {
  auto same = [](const std::shared_ptr<Declaration>& a, const std::shared_ptr<Declaration>& b) {
    return kFileKind.same_at_path(*a, *b);
  };
  auto f = declare("/etc/motd", {{"content", Value("x")}});
  EXPECT_TRUE(same(f, declare("b", {{"path", Value("/etc//motd")}, {"content", Value("x")}})));
  EXPECT_TRUE(
      same(f, declare("b", {{"dirname", Value("/etc/")}, {"basename", Value("motd")}, {"content", Value("x")}})));
  EXPECT_FALSE(same(f, declare("/etc/motd", {{"content", Value("y")}})));
  EXPECT_FALSE(same(f, declare("/etc/motd", {{"content", Value("x")}, {"mode", Value("0644")}})));
  EXPECT_FALSE(same(declare("/d", {{"state", Value("exists")}}), declare("/d/", {{"state", Value("exists")}})));
}

TEST(FileKind, AcceptsWhatPeopleWrite) {
  EXPECT_EQ(said("/etc/motd", {{"content", Value("")}, {"mode", Value("644")}, {"owner", Value("root")}}), "");
  EXPECT_EQ(said("motd", {{"path", Value("/etc/motd")}, {"state", Value("exists")}}), "");
  EXPECT_EQ(said("/d/", {{"source", Value("/s/")}, {"recurse", kYes}, {"purge", kYes}}), "");
  EXPECT_EQ(said("/l", {{"symlink", kYes}, {"source", Value("../x/")}}), "");
  EXPECT_EQ(said("/l", {{"symlink", kYes}, {"state", Value("absent")}}), "");
  EXPECT_EQ(said("/", {{"mode", Value("0755")}}), "");
  EXPECT_EQ(
      said("/f", {{"source", Value("")}, {"owner", Value("")}, {"mode", Value("")}, {"fragments", Value(List{})}}), "");
  EXPECT_EQ(said("/f", {{"state", Value("absent")}, {"content", Value("x")}}),
            "note: `content` has no effect with `state: absent`");
}

TEST(FileKind, APathIsAbsolute) {
  EXPECT_EQ(said("motd", {}), "error: the name, which is the path, `motd` is not absolute (a path begins with `/`)");
  EXPECT_EQ(said("m", {{"path", Value("~/x")}}),
            "error: the path `~/x` is not absolute (`~` is the shell's: write the home folder out)");
  EXPECT_EQ(said("m", {{"path", Value(std::string("/a\0b", 4))}}), "error: the path `/a\\x00b` holds a NUL byte");
  EXPECT_EQ(said("/a", {{"dirname", Value("/b")}}), "error: `dirname` must end with a slash, and `/b` doesn't");
  EXPECT_EQ(said("/a", {{"dirname", Value("b/")}}), "error: the path `b/a` is not absolute (a path begins with `/`)");
  EXPECT_EQ(said("/a", {{"basename", Value("/b")}}), "error: `basename` must not begin with a slash");
  EXPECT_EQ(said("/", {{"state", Value("absent")}}), "error: `/` can't be removed");
  EXPECT_EQ(said("/x/..", {}), "error: the path is `/`, which is a folder");
}

TEST(FileKind, OnlyOneContent) {
  EXPECT_EQ(said("/f", {{"content", Value("")}, {"source", Value("/s")}}),
            "error: `source` doesn't go with `content`: only one of them says what the file holds");
  EXPECT_EQ(said("/f", {{"fragments", Value(List{Value("/s")})}, {"source", Value("/s")}}),
            "error: `fragments` doesn't go with `source`: only one of them says what the file holds");
  EXPECT_EQ(said("/f", {{"state", Value("absent")}, {"source", Value("/s")}}),
            "error: `source` doesn't go with `state: absent`");
}

TEST(FileKind, SourceAndPathAreBothFoldersOrNone) {
  EXPECT_EQ(said("/f", {{"source", Value("/s/")}, {"recurse", kYes}}),
            "error: `source` is a folder, and the path is not (both end with a slash, or none does)");
  EXPECT_EQ(said("/f/", {{"source", Value("/s")}}),
            "error: the path is a folder, and `source` is not (both end with a slash, or none does)");
  EXPECT_EQ(said("/f/", {{"source", Value("/s/")}}), "error: to copy a folder, set `recurse: true`");
  EXPECT_EQ(said("/f", {{"source", Value("/s")}, {"recurse", kYes}}),
            "error: `recurse` is for folders, and `source` is a file");
  EXPECT_EQ(said("/f", {{"source", Value("s")}}),
            "error: `source` `s` is not absolute (a relative one is beside the graph's file, if the graph is one)");
  EXPECT_EQ(said("/f", {{"source", Value("/f")}}), "error: `source` is the path itself");
  EXPECT_EQ(said("/f/", {{"source", Value("/f/g/")}, {"recurse", kYes}}),
            "error: `source` and the path lie within each other");
  EXPECT_EQ(said("/f/g/", {{"source", Value("/f/")}, {"recurse", kYes}}),
            "error: `source` and the path lie within each other");
}

TEST(FileKind, WhatFitsAFolderAndWhatALink) {
  EXPECT_EQ(said("/f/", {{"content", Value("x")}}), "error: `content` is for files, and the path ends with a slash");
  EXPECT_EQ(said("/f/", {{"purge", kYes}}), "error: `purge` needs `recurse: true`");
  EXPECT_EQ(said("/f", {{"purge", kYes}, {"recurse", kYes}}),
            "error: `purge` is for folders (a folder's path ends with a slash)");
  EXPECT_EQ(said("/l", {{"symlink", kYes}}), "error: a symlink needs a `source`: what it points to");
  EXPECT_EQ(said("/l/", {{"symlink", kYes}, {"source", Value("x")}}),
            "error: the path of a symlink must not end with a slash");
  EXPECT_EQ(said("/l", {{"symlink", kYes}, {"source", Value("x")}, {"mode", Value("0644")}}),
            "error: `mode` doesn't go with `symlink`: a symlink has no mode of its own");
  EXPECT_EQ(
      said("/f", {{"fragments", Value(List{Value("s"), Value("/")})}}),
      "error: the fragment `s` is not absolute (a path begins with `/`)\nerror: the path lies in its own fragment `/`");
}

TEST(FileKind, WarnsWhereTheOwnerGetsLess) {
  std::string warning =
      "warning: mode 0044 gives the owner less than others (an octal mode has a digit each for owner, group and "
      "others: 0644)";
  EXPECT_EQ(said("/f", {{"content", Value("")}, {"mode", Value("44")}}), warning);
  EXPECT_EQ(said("/f", {{"content", Value("")}, {"mode", Value("o+w")}}), "");
}

TEST(FileKind, ThePathIsMadeOfItsParts) {
  auto managed = [](const std::string& name, std::initializer_list<Set> params) {
    return kFileKind.managed_path(*declare(name, params)).value();
  };
  EXPECT_EQ(managed("/a/b", {}), "/a/b");
  EXPECT_EQ(managed("n", {{"path", Value("/a//b/")}}), "/a/b");
  EXPECT_EQ(managed("/a/b", {{"dirname", Value("/c/")}}), "/c/b");
  EXPECT_EQ(managed("/a/b/", {{"dirname", Value("/c/")}}), "/c/b");
  EXPECT_TRUE(is_folder_path(*declare("/a/b/", {{"dirname", Value("/c/")}})));
  EXPECT_EQ(managed("/a/b/", {{"basename", Value("c")}}), "/a/c");
  EXPECT_FALSE(is_folder_path(*declare("/a/b/", {{"basename", Value("c")}})));
  EXPECT_EQ(managed("/a/b", {{"dirname", Value("/c/")}, {"basename", Value("d/")}}), "/c/d");
}

TEST(FileKind, CollectedFilesGoToTheFolderOfThePattern) {
  auto into = [](const std::string& name, std::initializer_list<Set> params, const std::string& pattern) {
    auto declaration = declare(name, params);
    kFileKind.collect_into(*declaration, pattern);
    return declared_path(*declaration);
  };
  EXPECT_EQ(into("file3a", {{"path", Value("/tmp/mgmt1/f3a")}}, "/tmp/mgmtA/"), "/tmp/mgmtA/f3a");
  EXPECT_EQ(into("/tmp/d/", {}, "/x"), "/x/d/");
  EXPECT_EQ(into("/a/b", {{"dirname", Value("/c/")}, {"basename", Value("d")}}, "/x/"), "/x/d");
  EXPECT_EQ(into("/a/b", {}, ""), "/a/b");
  EXPECT_THROW(into("/a/..", {}, "/x/"), Error);
  EXPECT_THROW(into("/", {}, "/x/"), Error);
  EXPECT_THROW(into("/a/../", {}, "/x/"), Error);
  EXPECT_THROW(into("/a/.", {}, "/x/"), Error);
  EXPECT_THROW(into("/a/b", {{"basename", Value("../../etc/passwd")}}, "/x/"), Error);
  EXPECT_THROW(into("/a/b", {}, "x/"), Error);
}

TEST(FileKind, ACollectedFileRunsNoCommandAndLeavesItsFolderByNoLink) {
  auto refusal = [](std::initializer_list<Set> params, const std::string& pattern) -> std::string {
    auto declaration = declare("/a/b", params);
    try {
      kFileKind.collect_into(*declaration, pattern);
      return "";
    } catch (const Error& error) {
      return error.text();
    }
  };
  Set command{"validate", Value(List{Value("rm"), Value("%")})};
  EXPECT_EQ(refusal({command}, ""), "its `validate` is a command, and comes from another host");
  EXPECT_EQ(refusal({command}, "/x/"), "its `validate` is a command, and comes from another host");
  EXPECT_EQ(refusal({{"follow", kYes}}, "/x/"), "with `follow` it could leave the folder /x/");
  EXPECT_EQ(refusal({{"follow", kYes}}, ""), "");
}

TEST(FileKind, HowAContentIsWrittenIsForFilesThatHaveOne) {
  auto words = [](std::initializer_list<const char*> all) {
    List list;
    for (const char* word : all) list.emplace_back(std::string(word));
    return Value(std::move(list));
  };
  Set content{"content", Value("x")}, exists{"state", Value("exists")};
  EXPECT_EQ(said("/f", {content, {"validate", words({"visudo", "-cf", "%"})}, {"write", Value("inplace")}}), "");
  EXPECT_EQ(said("/f", {content, {"validate", words({"a", "--file=%"})}, {"follow", kYes}}), "");
  EXPECT_EQ(said("/f", {content, {"validate", words({"a", "%%"})}}),
            "error: no word names the file that is to be looked at (`%` stands for its path)");
  EXPECT_EQ(said("/f", {content, {"validate", words({"", "%"})}}), "error: the first word, the command, is empty");
  EXPECT_EQ(said("/f", {exists, {"validate", words({"a", "%"})}}),
            "error: `validate` is for files whose content is declared");
  EXPECT_EQ(said("/f/", {exists, {"follow", kYes}}), "error: `follow` is for files that are to be there");
  EXPECT_EQ(said("/f", {{"state", Value("absent")}, {"write", Value("inplace")}}),
            "error: `write` is for files that are to be there");
}

TEST(FileKind, OnlyTreesDependOnWhatOthersManage) {
  EXPECT_FALSE(kFileKind.views_managed_paths(*declare("/a/", {{"state", Value("exists")}})));
  EXPECT_FALSE(kFileKind.views_managed_paths(*declare("/a", {{"source", Value("/b")}})));
  EXPECT_TRUE(kFileKind.views_managed_paths(*declare("/a/", {{"purge", kYes}, {"recurse", kYes}})));
  EXPECT_TRUE(kFileKind.views_managed_paths(*declare("/a/", {{"source", Value("/b/")}, {"recurse", kYes}})));
}

}  // namespace
}  // namespace file
}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
// The main of all unit tests. In CI a skipped test is a failure: what isn't run there is run nowhere. The exception is
// a skip that begins with "optional: ", for data that isn't part of the repository.
// Nor under TSan, whose own thread keeps a process from entering a namespace: those tests run without it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

#if __has_feature(thread_sanitizer)
constexpr bool kMaySkip = true;
#else
constexpr bool kMaySkip = false;
#endif

class SkipsFail : public testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.skipped() && !std::string_view(result.message()).contains("optional: ")) skipped_ = true;
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!skipped_) return;
    std::printf("in CI nothing may be skipped: %s.%s\n", test.test_suite_name(), test.name());
    any_ = true;
    skipped_ = false;
  }
  bool any() const { return any_; }

 private:
  bool skipped_ = false;
  bool any_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto* skips = new SkipsFail;  // gtest's to delete
  testing::UnitTest::GetInstance()->listeners().Append(skips);
  int result = RUN_ALL_TESTS();
  const char* ci = std::getenv("CI");
  if (result == 0 && !kMaySkip && ci && std::string_view(ci) == "true" && skips->any()) return 1;
  return result;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/value/diagnostic.h"

#include <gtest/gtest.h>

namespace mgmt {
namespace {

TEST(Diagnostic, ShowsTheLineACaretAndTheHint) {
  Diagnostic d{.pos = {.line = 2, .column = 3},
               .text = "unknown parameter `contnet` of file",
               .hint = "did you mean `content`?"};
  EXPECT_EQ(render(describe(d, "g.yaml", "graph: g\n  contnet: x\n")),
            "g.yaml:2:3: error: unknown parameter `contnet` of file\n"
            "  2 |   contnet: x\n"
            "    |   ^~~~~~~\n"
            "  hint: did you mean `content`?\n");
}

TEST(Diagnostic, CountsCharactersAndCutsLongLines) {
  std::string line = std::string(200, 'a') + "\xc3\xbc!";
  Diagnostic d{.pos = {.line = 1, .column = 202}, .text = "t"};
  std::string text = render(describe(d, "g", line));
  EXPECT_NE(text.find("..."), std::string::npos);
  EXPECT_LT(text.size(), 300u);
}

TEST(Diagnostic, APlaceBehindTheEndOfTheTextIsHarmless) {
  Diagnostic d{.pos = {.line = 9, .column = 9}, .text = "t"};
  EXPECT_EQ(render(describe(d, "g", "one\n")), "g:9:9: error: t\n");
}

}  // namespace
}  // namespace mgmt

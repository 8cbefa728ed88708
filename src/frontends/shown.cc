// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/shown.h"

#include "src/base/text.h"

namespace mgmt {

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  if (text.size() <= kLongest) return printable(text);
  std::size_t cut = kLongest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return printable(text.substr(0, cut)) + "...";
}

}  // namespace mgmt

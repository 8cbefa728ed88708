// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/engine/schedule/retry.h"

#include <algorithm>

namespace mgmt {

std::optional<std::chrono::milliseconds> retry_wait(const Meta& meta, std::uint32_t used, double chance, bool passes) {
  std::int64_t retries = passes ? -1 : meta.retry.value_or(Meta::kDefaultRetry);
  if (retries >= 0 && static_cast<std::int64_t>(used) >= retries) return std::nullopt;
  if (meta.delay) return meta.delay;
  constexpr std::uint32_t kDoublings = 8;  // 64 s by then
  auto wait = std::min(kFirstRetry * (1 << std::min(used, kDoublings)), kLongestRetry);
  return std::chrono::duration_cast<std::chrono::milliseconds>(wait * (0.75 + 0.5 * chance));
}

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/base/text.h"

namespace mgmt {
namespace {

constexpr Type kStrList = list_of(kStr);
// A hundred years, in milliseconds: far from the end of what the clocks can count.
constexpr std::int64_t kLongest = 100LL * 365 * 24 * 3600 * 1000;

constexpr Param kParams[] = {
    {.name = "noop", .type = kBool, .doc = "Only check, never apply.", .default_text = "false"},
    {.name = "retry",
     .type = kInt,
     .doc =
         "How often a failed check or apply is tried again by itself, in all; negative: for ever. Not set: 3 times for "
         "each failure that begins.",
     .default_text = "3 in a row"},
    {.name = "delay",
     .type = kDuration,
     .doc = "The time between two tries. Not set: about 0.25 s, and twice as long each time, up to a minute.",
     .default_text = "0.25 s, doubling",
     .min = 0,
     .max = kLongest,
     .unit = "ms"},
    {.name = "timeout",
     .type = kDuration,
     .doc = "The longest that one check and apply may take; 0: no limit.",
     .default_text = "0",
     .min = 0,
     .max = kLongest,
     .unit = "ms"},
    {.name = "poll",
     .type = kDuration,
     .doc = "Look so often instead of watching; 0: watch; negative: look once, at the start.",
     .default_text = "0",
     .max = kLongest,
     .unit = "s"},
    {.name = "sema",
     .type = kStrList,
     .doc = "Semaphores, each as `name:N`: at most N resources that name it run at once. `name` alone is `name:1`.",
     .default_text = "[]"},
    {.name = "retryreset",
     .type = kBool,
     .doc = "A success gives all of `retry` back. Without `retry` it always does.",
     .default_text = "false"},
    {.name = "limit",
     .type = kFloat,
     .doc =
         "At most so many events a second lead to a check; needs `burst`. What comes faster is looked at later, once.",
     .default_text = ".inf"},
    {.name = "burst",
     .type = kInt,
     .doc = "How many events may lead to checks at once in spite of `limit`.",
     .default_text = "0",
     .min = 0},
    {.name = "reset", .type = kBool, .doc = "A changed declaration gets all of `retry` back.", .default_text = "false"},
    {.name = "rewatch",
     .type = kBool,
     .doc = "A changed graph begins a resource anew that has failed, even if its own declaration is the same.",
     .default_text = "false"},
    {.name = "realize",
     .type = kBool,
     .doc = "A changed graph waits until this resource has been fine once (or nothing more can be done for it).",
     .default_text = "false"},
    {.name = "dollar", .type = kBool, .doc = "The name may begin with `$`.", .default_text = "false"},
    {.name = "hidden", .type = kBool, .doc = "In the graph, but run on other hosts only.", .default_text = "false"},
    {.name = "export", .type = kStrList, .doc = "The hosts that may collect it; `*`: all.", .default_text = "[]"},
    {.name = "autoedge",
     .type = kBool,
     .doc = "Take part in edges that are found by themselves.",
     .default_text = "true"},
    {.name = "autogroup", .type = kBool, .doc = "May be run together with others of its kind.", .default_text = "true"},
    {.name = "reverse",
     .type = kBool,
     .doc =
         "Undo it once it has left the graph, also while mgmt didn't run: a file is as it was found, an exec runs its "
         "`reverse_cmd`.",
     .default_text = "false"},
};
constexpr ParamIndex kNoop = param_index(kParams, "noop");
constexpr ParamIndex kRetry = param_index(kParams, "retry");
constexpr ParamIndex kDelay = param_index(kParams, "delay");
constexpr ParamIndex kTimeout = param_index(kParams, "timeout");
constexpr ParamIndex kPoll = param_index(kParams, "poll");
constexpr ParamIndex kSema = param_index(kParams, "sema");
constexpr ParamIndex kRetryReset = param_index(kParams, "retryreset");
constexpr ParamIndex kReset = param_index(kParams, "reset");
constexpr ParamIndex kLimit = param_index(kParams, "limit");
constexpr ParamIndex kBurst = param_index(kParams, "burst");
constexpr ParamIndex kRewatch = param_index(kParams, "rewatch");
constexpr ParamIndex kRealize = param_index(kParams, "realize");
constexpr ParamIndex kAutoEdge = param_index(kParams, "autoedge");
constexpr ParamIndex kAutoGroup = param_index(kParams, "autogroup");
constexpr ParamIndex kDollar = param_index(kParams, "dollar");
constexpr ParamIndex kHidden = param_index(kParams, "hidden");
constexpr ParamIndex kReverse = param_index(kParams, "reverse");
constexpr ParamIndex kExport = param_index(kParams, "export");

// "name:N", "name" and ":N" name a semaphore; "" and "3" don't.
void check_semaphore(const std::string& id) {
  bool only_digits = std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
  if (!only_digits) return;
  throw Error(fmt::format("`{}` is no name of a semaphore", id))
      .hint("write a name, or name:N for at most N at once, as in disk:4");
}

void check_limit(const Meta& meta) {
  if (!(meta.limit > 0))
    throw Error(fmt::format("`limit: {}` would never let an event through", meta.limit))
        .hint("write a number above 0, as in 0.5 for one every two seconds");
  if (std::isfinite(meta.limit) && meta.burst == 0)
    throw Error("`limit` without `burst` would never let an event through")
        .hint("write `burst: 1`, or how many may come at once");
}

}  // namespace

std::shared_ptr<const Meta> default_meta() {
  static const std::shared_ptr<const Meta> meta = std::make_shared<const Meta>();
  return meta;
}

std::span<const Param> meta_params() { return kParams; }

std::shared_ptr<const Meta> make_meta(const Params& values) {
  Meta meta;
  meta.noop = values.get_or(kNoop, false);
  if (const auto* retry = values.find<std::int64_t>(kRetry)) meta.retry = *retry;
  meta.delay = values.find_duration(kDelay);
  meta.retryreset = values.get_or(kRetryReset, false);
  meta.reset = values.get_or(kReset, false);
  meta.limit = values.get_or(kLimit, meta.limit);
  meta.burst = values.get_or<std::int64_t>(kBurst, 0);
  check_limit(meta);
  meta.rewatch = values.get_or(kRewatch, false);
  meta.realize = values.get_or(kRealize, false);
  meta.timeout = values.find_duration(kTimeout).value_or(meta.timeout);
  // How negative it is means nothing.
  meta.poll = std::max(values.find_duration(kPoll).value_or(meta.poll), std::chrono::milliseconds(-1));
  meta.autoedge = values.get_or(kAutoEdge, true);
  meta.autogroup = values.get_or(kAutoGroup, true);
  if (const List* semaphores = values.find<List>(kSema)) {
    for (const Value& id : *semaphores) {
      check_semaphore(id.get<std::string>());
      meta.sema.push_back(id.get<std::string>());
    }
    // Which are held counts, not in which order they are written.
    std::ranges::sort(meta.sema);
    meta.sema.erase(std::ranges::unique(meta.sema).begin(), meta.sema.end());
  }
  meta.dollar = values.get_or(kDollar, false);
  meta.hidden = values.get_or(kHidden, false);
  meta.reverse = values.get_or(kReverse, false);
  if (const List* hosts = values.find<List>(kExport)) {
    for (const Value& host : *hosts) meta.exports.push_back(host.get<std::string>());
    std::ranges::sort(meta.exports);
    meta.exports.erase(std::ranges::unique(meta.exports).begin(), meta.exports.end());
    if (!meta.exports.empty() && meta.exports.front().empty())
      throw Error("the name of a host in `export` is empty").hint("`*` means all hosts");
    if (meta.exports.size() > 1 && meta.exports.front() == "*")
      throw Error("`export` names all hosts, `*`, and others beside").hint("write [\"*\"], or only the names");
  }
  if (meta == *default_meta()) return default_meta();
  return std::make_shared<const Meta>(std::move(meta));
}

}  // namespace mgmt

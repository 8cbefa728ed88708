// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "src/base/text.h"

namespace mgmt {
namespace {

constexpr Type kStrList = list_of(kStr);
// A hundred years: far from the end of what the clocks can count.
constexpr std::int64_t kLongestSeconds = 100LL * 365 * 24 * 3600;

constexpr Param kParams[] = {
    {.name = "noop", .type = kBool, .doc = "Only check, never apply.", .default_text = "false"},
    {.name = "retry",
     .type = kInt,
     .doc = "How often a failed check or apply is tried again by itself; negative: for ever.",
     .default_text = "0"},
    {.name = "delay",
     .type = kInt,
     .doc = "The time between two tries.",
     .default_text = "0",
     .min = 0,
     .max = kLongestSeconds * 1000,
     .unit = "ms"},
    {.name = "timeout",
     .type = kInt,
     .doc = "The longest that one check and apply may take; 0: no limit.",
     .default_text = "0",
     .min = 0,
     .max = kLongestSeconds * 1000,
     .unit = "ms"},
    {.name = "poll",
     .type = kInt,
     .doc = "Look every so many seconds instead of watching; 0: watch; negative: look once, at the start.",
     .default_text = "0",
     .max = kLongestSeconds,
     .unit = "s"},
    {.name = "sema",
     .type = kStrList,
     .doc = "Semaphores, each as `name:N`: at most N resources that name it run at once. `name` alone is `name:1`.",
     .default_text = "[]"},
    {.name = "retryreset", .type = kBool, .doc = "A success gives all retries back.", .default_text = "false"},
    {.name = "limit",
     .type = kFloat,
     .doc = "At most so many events a second lead to a check.",
     .default_text = ".inf"},
    {.name = "burst",
     .type = kInt,
     .doc = "How many events may come at once in spite of `limit`.",
     .default_text = "0",
     .min = 0},
    {.name = "reset", .type = kBool, .doc = "A changed resource gets all its retries back.", .default_text = "false"},
    {.name = "rewatch",
     .type = kBool,
     .doc = "A changed graph restarts a resource that failed for good.",
     .default_text = "false"},
    {.name = "realize",
     .type = kBool,
     .doc = "Converge once before a changed graph takes over.",
     .default_text = "false"},
    {.name = "dollar", .type = kBool, .doc = "The name may begin with `$`.", .default_text = "false"},
    {.name = "hidden", .type = kBool, .doc = "In the graph, but run on other hosts only.", .default_text = "false"},
    {.name = "export", .type = kStrList, .doc = "The hosts that may collect it; `*`: all.", .default_text = "[]"},
    {.name = "autoedge",
     .type = kBool,
     .doc = "Take part in edges that are found by themselves.",
     .default_text = "true"},
    {.name = "autogroup", .type = kBool, .doc = "May be run together with others of its kind.", .default_text = "true"},
    {.name = "reverse", .type = kBool, .doc = "Undo it once it leaves the graph.", .default_text = "false"},
};
constexpr ParamIndex kNoop = param_index(kParams, "noop");
constexpr ParamIndex kRetry = param_index(kParams, "retry");
constexpr ParamIndex kDelay = param_index(kParams, "delay");
constexpr ParamIndex kTimeout = param_index(kParams, "timeout");
constexpr ParamIndex kPoll = param_index(kParams, "poll");
constexpr ParamIndex kSema = param_index(kParams, "sema");
constexpr ParamIndex kAutoEdge = param_index(kParams, "autoedge");
constexpr ParamIndex kAutoGroup = param_index(kParams, "autogroup");
constexpr ParamIndex kDollar = param_index(kParams, "dollar");
constexpr ParamIndex kHidden = param_index(kParams, "hidden");
constexpr ParamIndex kExport = param_index(kParams, "export");

// "name:N", "name" and ":N" name a semaphore; "" and "3" don't.
void check_semaphore(const std::string& id) {
  bool only_digits = std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
  if (!only_digits) return;
  throw Error(fmt::format("`{}` is no name of a semaphore", id))
      .hint("write a name, or name:N for at most N at once, as in disk:4");
}

}  // namespace

std::shared_ptr<const Meta> default_meta() {
  static const std::shared_ptr<const Meta> meta = std::make_shared<const Meta>();
  return meta;
}

std::span<const Param> meta_params() { return kParams; }

bool meta_acts(std::string_view name) {
  static constexpr std::string_view kActing[] = {"noop",   "retry",  "delay",  "timeout",  "poll",     "sema",
                                                 "dollar", "hidden", "export", "autoedge", "autogroup"};
  return std::ranges::find(kActing, name) != std::end(kActing);
}

std::shared_ptr<const Meta> make_meta(const Params& values) {
  Meta meta;
  meta.noop = values.get_or(kNoop, false);
  meta.retry = values.get_or<std::int64_t>(kRetry, 0);
  meta.delay = std::chrono::milliseconds(values.get_or<std::int64_t>(kDelay, 0));
  meta.timeout = std::chrono::milliseconds(values.get_or<std::int64_t>(kTimeout, 0));
  // How negative it is means nothing.
  meta.poll = std::chrono::seconds(std::max<std::int64_t>(values.get_or<std::int64_t>(kPoll, 0), -1));
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

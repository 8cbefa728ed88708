// SPDX-License-Identifier: GPL-3.0-or-later
// simulator [--runs N] [--from SEED] [--expect-violation]   so many seeds, on all cores
// simulator SEED                                            one, with its steps; also MGMT_SEED=SEED simulator
// Exit status: 0 as expected, 1 not so, 2 usage.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/simulator/simulation.h"

namespace {

using mgmt::simulator::Outcome;
using mgmt::simulator::simulate;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int usage() {
  fmt::print(stderr, "usage: simulator [--runs N] [--from SEED] [--expect-violation]\n       simulator SEED\n");
  return 2;
}

int replay(std::uint64_t seed) {
  Outcome outcome = simulate(seed, true);
  fmt::print("seed {}: {} steps, {}\n", seed, outcome.steps, outcome.violation.empty() ? "fine" : outcome.violation);
  return outcome.violation.empty() ? 0 : 1;
}

struct Found {
  std::uint64_t seed;
  std::string violation;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 100'000, from = 1;
  bool expect_violation = false;
  std::string_view program = argv[0];
  if (const char* seed = std::getenv("MGMT_SEED"); seed && argc == 1) {
    auto value = number(seed);
    return value ? replay(*value) : usage();
  }
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--expect-violation") {
      expect_violation = true;
      continue;
    }
    if (word == "--runs" || word == "--from") {
      auto value = i + 1 < argc ? number(argv[++i]) : std::nullopt;
      if (!value) return usage();
      (word == "--runs" ? runs : from) = *value;
      continue;
    }
    auto seed = number(word);
    return seed && argc == 2 ? replay(*seed) : usage();
  }

  std::atomic<std::uint64_t> next = from, steps = 0, tried = 0;
  std::mutex mutex;
  std::optional<Found> first;  // the lowest seed of those found
  auto begin = std::chrono::steady_clock::now();
  auto work = [&] {
    while (true) {
      std::uint64_t seed = next++;
      if (seed >= from + runs) return;
      {
        std::lock_guard lock(mutex);
        if (first && seed > first->seed) return;
      }
      Outcome outcome = simulate(seed, false);
      steps += outcome.steps;
      ++tried;
      if (outcome.violation.empty()) continue;
      std::lock_guard lock(mutex);
      if (!first || seed < first->seed) first = {seed, outcome.violation};
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} runs, {} steps, {:.1f} s\n", tried.load(), steps.load(), seconds);
  if (first) fmt::print("seed {}: {}\nto replay: {} {}\n", first->seed, first->violation, program, first->seed);
  else if (expect_violation) fmt::print("no rule was broken, and one should have been\n");
  return first.has_value() == expect_violation ? 0 : 1;
}

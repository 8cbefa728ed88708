// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/ask.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "src/async/pool.h"

namespace mgmt {
namespace {

using namespace std::chrono_literals;

// A question that hangs until the test is over.
struct Hang {
  std::shared_ptr<std::promise<void>> end = std::make_shared<std::promise<void>>();
  std::shared_future<void> ended = end->get_future().share();
  std::function<int()> question = [ended = ended] {
    ended.wait();
    return 1;
  };
  ~Hang() { end->set_value(); }
};

TEST(Ask, GivesTheAnswerAndWhatTheQuestionThrows) {
  EXPECT_EQ(ask<int>("asking", [] { return 42; }), 42);
  try {
    ask<int>("asking", []() -> int { throw Error("nobody knows"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "nobody knows");
  }
}

TEST(Ask, WhatHangsIsGivenUpAndNotAskedAgain) {
  Hang hang;
  try {
    ask<int>("looking up user joe", hang.question);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "looking up user joe: no answer in time");
  }
  std::atomic<int> asked = 0;
  EXPECT_THROW(ask<int>("looking up user joe", [&]() -> int { return ++asked; }), Error);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(ask<int>("looking up user ann", [] { return 7; }), 7);
}

TEST(Ask, WhoAsksTheSameMeanwhileSharesTheAnswer) {
  Loop loop;
  std::atomic<int> asked = 0;
  auto end = std::make_shared<std::promise<void>>();
  std::function<int()> question = [&asked, ended = end->get_future().share()] {
    ended.wait();
    return ++asked;
  };
  std::vector<int> answers;
  std::vector<std::unique_ptr<Asking<int>>> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(std::make_unique<Asking<int>>(loop, "asking once", question, [&](Result<int> got) {
      answers.push_back(got.value());
      if (answers.size() == 1000) loop.stop();
    }));
  }
  end->set_value();
  loop.run();
  EXPECT_EQ(answers, std::vector<int>(1000, 1));
}

TEST(Ask, TheLoopGoesOnMeanwhile) {
  Loop loop;
  std::optional<int> answer;
  Asking<int> asking(
      loop, "asking", [] { return 42; },
      [&](Result<int> got) {
        answer = got.value();
        loop.stop();
      });
  EXPECT_FALSE(answer);
  loop.run();
  EXPECT_EQ(answer, 42);
}

TEST(Ask, NobodyIsCalledOnceWhoAskedHasGone) {
  auto loop = std::make_unique<Loop>();
  Hang hang;
  {
    Asking<int> asking(*loop, "asking for long", hang.question, [](Result<int>) { FAIL(); });
  }
  loop->poll();
  loop.reset();
}

TEST(Ask, APoolsThreadThatWaitsLeavesItsPlaceToOthers) {
  Loop loop;
  Pool pool(loop, 1);
  auto end = std::make_shared<std::promise<void>>();
  std::shared_future<void> ended = end->get_future().share();
  std::vector<std::string> order;
  pool.submit([&, ended]() -> Pool::Done {
    ask<int>("a long question", [ended] {
      ended.wait();
      return 1;
    });
    return [&] {
      order.emplace_back("who asked");
      loop.stop();
    };
  });
  pool.submit([&]() -> Pool::Done {
    return [&] {
      order.emplace_back("another");
      end->set_value();
    };
  });
  loop.run();
  EXPECT_EQ(order, (std::vector<std::string>{"another", "who asked"}));
}

}  // namespace
}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/meta.h"

#include <gtest/gtest.h>

#include <cmath>

#include "src/base/error.h"
#include "src/resources/declaration.h"
#include "src/resources/kind.h"
#include "src/resources/resource_graph.h"

namespace mgmt {
namespace {

ParamIndex index_of(std::string_view name) {
  const Param* param = find_param(meta_params(), name);
  if (!param) throw Error("no meta parameter of that name");
  return static_cast<ParamIndex>(param - meta_params().data());
}

Params with(std::string_view name, Value value) {
  Params params;
  params.set(index_of(name), std::move(value), {});
  return params;
}

TEST(Meta, WhatNobodySetIsOneSharedObject) {
  EXPECT_EQ(make_meta({}), default_meta());
  EXPECT_EQ(make_meta(with("noop", Value(false))), default_meta());
  EXPECT_NE(make_meta(with("noop", Value(true))), default_meta());
}

TEST(Meta, EachActingParameterArrives) {
  Params params;
  params.set(index_of("noop"), Value(true), {});
  params.set(index_of("retry"), Value(std::int64_t{-1}), {});
  params.set(index_of("delay"), Value("1500ms"), {});
  params.set(index_of("timeout"), Value("250ms"), {});
  params.set(index_of("poll"), Value("5s"), {});
  params.set(index_of("sema"), Value(List{Value("b:2"), Value("a"), Value("b:2")}), {});
  for (const char* name : {"retryreset", "reset", "rewatch", "realize"}) params.set(index_of(name), Value(true), {});
  params.set(index_of("limit"), Value(0.5), {});
  params.set(index_of("burst"), Value(std::int64_t{4}), {});
  Meta expected;
  expected.noop = true;
  expected.retry = -1;
  expected.delay = std::chrono::milliseconds(1500);
  expected.timeout = std::chrono::milliseconds(250);
  expected.poll = std::chrono::seconds(5);
  expected.sema = {"a", "b:2"};
  expected.retryreset = expected.reset = expected.rewatch = expected.realize = true;
  expected.limit = 0.5;
  expected.burst = 4;
  EXPECT_EQ(*make_meta(params), expected);
}

TEST(Meta, ANegativePollMeansOnce) {
  EXPECT_EQ(make_meta(with("poll", Value("-7s")))->poll, std::chrono::milliseconds(-1));
}

TEST(Meta, ALimitLetsSomethingThrough) {
  EXPECT_THROW(make_meta(with("limit", Value(0.5))), Error);
  for (double never : {0.0, -1.0, std::nan("")}) EXPECT_THROW(make_meta(with("limit", Value(never))), Error) << never;
}

TEST(Meta, ASemaphoreNeedsAName) {
  for (const char* id : {"", "3", "007"}) EXPECT_THROW(make_meta(with("sema", Value(List{Value(id)}))), Error) << id;
  for (const char* id : {"disk", "disk:2", ":2", "3a"})
    EXPECT_NO_THROW(make_meta(with("sema", Value(List{Value(id)})))) << id;
}

TEST(Meta, TheLongestTimesFitTheClock) {
  for (const char* name : {"delay", "timeout"}) {
    const Param& param = meta_params()[index_of(name)];
    ASSERT_TRUE(param.max);
    std::chrono::nanoseconds longest = std::chrono::milliseconds(*param.max);
    EXPECT_GT(longest.count(), 0);
    EXPECT_FALSE(check_value(param, Value(*param.max + 1)));
  }
}

TEST(Declaration, IdShowsOriginAndExport) {
  Declaration declaration;
  declaration.kind = find_kind("noop");
  declaration.name = "a";
  EXPECT_EQ(declaration.id(), "noop[a]");
  declaration.origin = "web1";
  EXPECT_EQ(declaration.id(), "noop[a]@web1");
  declaration.origin.clear();
  declaration.exported = true;
  EXPECT_EQ(declaration.id(), "@@noop[a]");
}

TEST(Declaration, PlacesHaveNoEffectAllElseHas) {
  Declaration a;
  a.kind = find_kind("noop");
  a.name = "a";
  a.params.set(0, Value("x"), {1, 1, 0});
  Declaration b = a;
  b.pos = {7, 7, 0};
  b.params.set(0, Value("x"), {8, 8, 0});
  b.meta = std::make_shared<const Meta>();
  EXPECT_TRUE(same_effect(a, b));
  for (auto change : std::initializer_list<void (*)(Declaration&)>{
           [](Declaration& d) { d.name = "b"; }, [](Declaration& d) { d.origin = "h"; },
           [](Declaration& d) { d.exported = true; }, [](Declaration& d) { d.kind = find_kind("print"); },
           [](Declaration& d) { d.params.set(0, Value("y"), {}); },
           [](Declaration& d) { d.meta = make_meta(with("noop", Value(true))); }}) {
    Declaration changed = a;
    change(changed);
    EXPECT_FALSE(same_effect(a, changed));
  }
}

TEST(ResourceGraph, NamesThePlaceInItsSource) {
  ResourceGraph graph;
  graph.sources = {"a.yaml", "b.yaml"};
  EXPECT_EQ(graph.place_of({7, 5, 1}), "b.yaml:7:5");
  EXPECT_EQ(graph.place_of({}), "a.yaml");
}

}  // namespace
}  // namespace mgmt

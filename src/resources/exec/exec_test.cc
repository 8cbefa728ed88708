// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/resources/exec/exec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "src/async/process.h"
#include "src/events/inotify/file_watcher.h"
#include "src/resources/async_resource.h"
#include "src/resources/exec/output.h"
#include "src/resources/exec/params.h"
#include "src/resources/unsynced.h"

namespace mgmt {
extern const Kind kExecKind;
namespace {

namespace asio = boost::asio;
using namespace exec;
using namespace std::chrono_literals;

struct Seen {
  std::vector<std::string> out, err, warnings;
  std::size_t bytes = 0;
  bool keep_lines = true;
  std::function<void()> on_line;
};

struct Collect : report::Reader {
  explicit Collect(Seen& into) : seen(into) {}
  void on_event(const report::Event& event) override {
    if (const auto* output = std::get_if<report::Output>(&event.body)) {
      seen.bytes += output->line.size() + 1;
      if (seen.keep_lines)
        (output->stream == report::Output::Stream::Stdout ? seen.out : seen.err).push_back(output->line);
      if (seen.on_line) seen.on_line();
    } else if (const auto* notice = std::get_if<report::Notice>(&event.body)) {
      seen.warnings.push_back(notice->text);
    }
  }
  Seen& seen;
};

struct ExecTest : testing::Test {
  Loop loop;
  events::FileWatcher files{loop, [](const std::string&) {}};
  Spawner spawner{loop};
  Unsynced unsynced;
  report::Report report;
  Services services{loop, files, spawner, unsynced, report};
  Seen seen;
  std::filesystem::path folder;

  void SetUp() override {
    report.add(std::make_unique<Collect>(seen));
    std::string name = testing::TempDir() + "exec-XXXXXX";
    folder = mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string path(const std::string& name) const { return (folder / name).string(); }

  using Settings = std::vector<std::pair<ParamIndex, Value>>;
  static std::shared_ptr<Declaration> declare(const Settings& settings) {
    auto declaration = std::make_shared<Declaration>();
    declaration->kind = &kExecKind;
    declaration->name = "x";
    for (const auto& [index, value] : settings) declaration->params.set(index, value, {});
    return declaration;
  }
  std::unique_ptr<AsyncResource> make(std::shared_ptr<const Declaration> declaration) {
    auto resource = kExecKind.create(std::move(declaration), services);
    return std::unique_ptr<AsyncResource>(&dynamic_cast<AsyncResource&>(*resource.release()));
  }
  std::unique_ptr<AsyncResource> make(const Settings& settings) { return make(declare(settings)); }
  static Settings shell(std::string cmd) { return {{kCmd, Value(std::move(cmd))}, {kShell, Value("/bin/sh")}}; }
  static Settings with(Settings settings, ParamIndex index, Value value) {
    settings.emplace_back(index, std::move(value));
    return settings;
  }

  // "" or what it threw, with the hint.
  static std::string text_of_failure(const std::exception_ptr& failure) {
    if (!failure) return "";
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      return error.hint_text().empty() ? error.text() : error.text() + " | " + error.hint_text();
    } catch (const boost::system::system_error& error) {
      return error.code() == asio::error::operation_aborted ? "cancelled" : error.what();
    }
  }
  // The command that would run, "" if it is fine, "error: ..." if that can't be said.
  std::string check(AsyncResource& resource) {
    std::string result;
    asio::co_spawn(loop.io(), resource.check({}), [&](const std::exception_ptr& failure, const Delta& delta) {
      if (failure) result = "error: " + text_of_failure(failure);
      else if (!delta.empty()) result = to_text(delta.changes.front().after);
      loop.stop();
    });
    loop.run();
    return result;
  }
  // All changes, as "param: after; ...".
  std::string changes(AsyncResource& resource, Inputs inputs) {
    std::string result;
    asio::co_spawn(loop.io(), resource.check(std::move(inputs)),
                   [&](const std::exception_ptr& failure, const Delta& delta) {
                     if (failure) result = "error: " + text_of_failure(failure);
                     for (const Change& change : delta.changes)
                       result += (result.empty() ? "" : "; ") + change.param + ": " + to_text(change.after);
                     loop.stop();
                   });
    loop.run();
    return result;
  }
  std::string apply(AsyncResource& resource, Delta delta = {{{.param = "cmd"}}}) {
    std::string result;
    asio::co_spawn(loop.io(), resource.apply(std::move(delta)), [&](const std::exception_ptr& failure) {
      result = text_of_failure(failure);
      loop.stop();
    });
    loop.run();
    return result;
  }
  std::string run(const Settings& settings) {
    auto resource = make(settings);
    return apply(*resource);
  }
  // Until `until` is true, looked at after each thing that the loop does. False if it takes too long.
  bool loop_until(const std::function<bool()>& until) {
    TimePoint give_up = Clock::now() + 20s;
    Loop::Timer look(loop);
    std::function<void()> again = [&] {
      if (until() || Clock::now() > give_up) loop.stop();
      else look.after(1ms, [&] { again(); });
    };
    again();
    if (!until()) loop.run();
    return until();
  }
  std::vector<std::string> diagnose(const Settings& settings) {
    Diagnostics diagnostics;
    kExecKind.validate(*declare(settings), diagnostics);
    std::vector<std::string> texts;
    for (const Diagnostic& item : diagnostics.items()) texts.push_back(item.text);
    return texts;
  }
};

Value list(std::initializer_list<const char*> texts) {
  List values;
  for (const char* text : texts) values.emplace_back(text);
  return Value(std::move(values));
}

bool is_dead(const std::string& pid) {
  std::ifstream stat("/proc/" + pid + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  return text.empty() || text.find(") Z ") != text.npos;
}

TEST_F(ExecTest, StreamsLinesOfBothStreamsAndIsFineOnceItSucceeded) {
  auto resource = make(shell("echo one; echo; echo two >&2; printf last"));
  EXPECT_EQ(check(*resource), "echo one; echo; echo two >&2; printf last");
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(seen.out, (std::vector<std::string>{"one", "", "last"}));
  EXPECT_EQ(seen.err, std::vector<std::string>{"two"});
  EXPECT_EQ(check(*resource), "");
  EXPECT_EQ(spawner.running(), 0u);
}

TEST_F(ExecTest, AFailureHasItsStatusAndTheLastLinesAndRunsAgain) {
  auto resource = make(shell("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo l$i; done; exit 3"));
  EXPECT_EQ(apply(*resource),
            "`for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo l$i; done; exit 3` ended with status 3 | it printed last:\n"
            "  l3\n  l4\n  l5\n  l6\n  l7\n  l8\n  l9\n  l10\n  l11\n  l12");
  EXPECT_NE(check(*resource), "");
}

TEST_F(ExecTest, ASignalIsNamed) {
  EXPECT_EQ(run(shell("kill -SEGV $$")), "`kill -SEGV $$` was killed by signal 11 (SIGSEGV)");
}

TEST_F(ExecTest, TheTimeoutKillsTheWholeGroupAndKeepsWhatWasPrinted) {
  auto began = Clock::now();
  EXPECT_EQ(run(with(shell("sleep 1000 & echo $!; wait"), kTimeout, Value("1s"))),
            "`sleep 1000 & echo $!; wait` timed out after 1s | it printed last:\n  " + seen.out.at(0));
  EXPECT_GE(Clock::now() - began, 1s);
  EXPECT_TRUE(loop_until([&] { return is_dead(seen.out.at(0)) && spawner.running() == 0; }));
}

TEST_F(ExecTest, WithoutAShellItIsSplitAtWhiteSpaceAndNothingIsSpecial) {
  EXPECT_EQ(run({{kCmd, Value("  printf %s\\n  'a\tb'  $HOME ")}}), "");
  EXPECT_EQ(seen.out, (std::vector<std::string>{"'a", "b'", "$HOME"}));
}

TEST_F(ExecTest, ArgumentsKeepTheirWhiteSpaceAndTheNameIsTheCommand) {
  auto declaration = declare({{kArgs, list({"%s\\n", "a b", ""})}});
  declaration->name = "printf";
  auto resource = make(declaration);
  EXPECT_EQ(check(*resource), "printf %s\\n a b ");
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(seen.out, (std::vector<std::string>{"a b", ""}));
}

TEST_F(ExecTest, TheEnvironmentIsWhatIsDocumentedAndNoMore) {
  setenv("SECRET", "x", 1);
  setenv("PATH", "/usr/bin:/bin", 1);
  Map env;
  env.emplace_back("A", Value("1 2"));
  env.emplace_back("LANG", Value("de_DE.UTF-8"));
  EXPECT_EQ(run({{kCmd, Value("env")}, {kEnv, Value(env)}, {kUser, Value("root")}}), "");
  EXPECT_EQ(seen.out,
            (std::vector<std::string>{"PATH=/usr/bin:/bin", "HOME=/root", "USER=root", "LANG=de_DE.UTF-8", "A=1 2"}));
}

TEST_F(ExecTest, RunsInItsFolderAsItsUserAndGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  EXPECT_EQ(
      run(with(with(with(shell("pwd; id -un; id -gn; echo $HOME $USER"), kCwd, Value("/usr")), kUser, Value("daemon")),
               kGroup, Value("mail"))),
      "");
  EXPECT_EQ(seen.out, (std::vector<std::string>{"/usr", "daemon", "mail", "/usr/sbin daemon"}));
  EXPECT_EQ(run({{kCmd, Value("true")}, {kUser, Value("wwww")}}),
            "there is no user `wwww` | create it first, with an edge from what does");
  EXPECT_EQ(run({{kCmd, Value("true")}, {kGroup, Value("wwww")}}),
            "there is no group `wwww` | create it first, with an edge from what does");
  EXPECT_EQ(run({{kCmd, Value("true")}, {kUser, Value("54321")}}),
            "user 54321 is not in the user database, so its group isn't known | set `group` too");
}

TEST_F(ExecTest, ACommandThatCannotStartSaysWhy) {
  EXPECT_EQ(run({{kCmd, Value("no-such-thing -x")}, {kEnv, Value(Map{{"PATH", Value("/bin")}})}}),
            "starting `no-such-thing`: command not found in PATH=/bin | give its full path, or a PATH in `env`");
  EXPECT_EQ(run({{kCmd, Value("true")}, {kCwd, Value("/no/such")}}), "cwd /no/such: No such file or directory");
}

TEST_F(ExecTest, GuardsDecideAndAreAskedAtEachLook) {
  auto only_if = make(with(shell("echo done >> " + path("log")), kIfCmd, Value("test -e " + path("flag"))));
  EXPECT_EQ(check(*only_if), "");
  std::ofstream(path("flag")) << "x";
  EXPECT_NE(check(*only_if), "");
  EXPECT_EQ(apply(*only_if), "");
  EXPECT_NE(check(*only_if), "") << "the guard still says yes";
  auto not_if = make(with(shell("true"), kNifCmd, Value("test -e " + path("flag"))));
  EXPECT_EQ(check(*not_if), "");
  std::filesystem::remove(path("flag"));
  EXPECT_NE(check(*not_if), "");
}

TEST_F(ExecTest, AGuardWithoutAnAnswerIsAnError) {
  EXPECT_EQ(
      check(*make(with(with(shell("true"), kIfCmd, Value("kill -9 $$")), kIfShell, Value("/bin/sh")))),
      "error: ifcmd: `kill -9 $$` was killed by signal 9 (SIGKILL) | it ended without an answer, so `cmd` was not run");
  EXPECT_TRUE(check(*make(with(shell("true"), kNifCmd, Value("no-such-guard"))))
                  .starts_with("error: nifcmd: starting `no-such-guard`: command not found"));
}

TEST_F(ExecTest, CreatesStopsItWhileThePathIsThereAndIsWatched) {
  auto resource = make(with(shell("touch " + path("made")), kCreates, Value(path("made"))));
  int events = 0;
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { ++events; });
  EXPECT_NE(check(*resource), "");
  EXPECT_EQ(apply(*resource), "");
  EXPECT_TRUE(loop_until([&] { return events > 0; }));
  EXPECT_EQ(check(*resource), "");
  events = 0;
  std::filesystem::remove(path("made"));
  EXPECT_TRUE(loop_until([&] { return events > 0; }));
  EXPECT_NE(check(*resource), "");
  EXPECT_TRUE(seen.warnings.empty());
}

TEST_F(ExecTest, CreatesThatIsNotMadeIsSaidOnce) {
  auto resource = make({{kCmd, Value("true")}, {kCreates, Value("/no/such/thing")}});
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(seen.warnings,
            std::vector<std::string>{"exec[x]: `true` ended well, but /no/such/thing (`creates`) is not there"});
}

TEST_F(ExecTest, EmptyStringsOf2016MeanUnset) {
  auto resource = make({{kCmd, Value("true")},
                        {kShell, Value("")},
                        {kTimeout, Value("0s")},
                        {kWatchCmd, Value("")},
                        {kIfCmd, Value("")},
                        {kIfShell, Value("")}});
  Subscriptions subscriptions;
  resource->watch(subscriptions, [](Look) {});
  EXPECT_TRUE(subscriptions.empty());
  EXPECT_EQ(check(*resource), "true");
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(check(*resource), "");
}

TEST_F(ExecTest, AWatchedFileMakesItRunAgain) {
  auto resource = make({{kCmd, Value("true")}, {kWatchFiles, list({path("watched").c_str()})}});
  int events = 0;
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { ++events; });
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(check(*resource), "");
  std::ofstream(path("watched")) << "x";
  EXPECT_TRUE(loop_until([&] { return events > 0; }));
  EXPECT_EQ(check(*resource), "true");
}

TEST_F(ExecTest, AnEventInTheMiddleOfARunIsNotLost) {
  auto resource = make(with(shell("echo started; until test -e " + path("go") + "; do sleep 0.01; done"), kWatchFiles,
                            list({path("watched").c_str()})));
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { std::ofstream(path("go")) << "x"; });
  seen.on_line = [&] { std::ofstream(path("watched")) << "x"; };
  EXPECT_EQ(apply(*resource), "");
  EXPECT_NE(check(*resource), "");
}

TEST_F(ExecTest, EachLineOfTheWatchCommandIsAnEventAndItGoesWithItsSubscription) {
  Settings settings = with(with(shell("true"), kWatchShell, Value("/bin/sh")), kWatchCmd,
                           Value("echo $$ > " + path("pid") + "; echo a; echo; echo b >&2; sleep 1000"));
  auto resource = make(settings);
  int events = 0;
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { ++events; });
  EXPECT_TRUE(loop_until([&] { return events == 2; }));
  EXPECT_EQ(spawner.running(), 1u);
  subscriptions.clear();
  std::string pid;
  std::ifstream(path("pid")) >> pid;
  EXPECT_TRUE(loop_until([&] { return spawner.running() == 0; }));
  EXPECT_TRUE(is_dead(pid));
  EXPECT_EQ(events, 2);
  EXPECT_TRUE(seen.warnings.empty());
}

TEST_F(ExecTest, AWatchCommandThatEndsIsStartedAgainWithoutRunningTheCommand) {
  auto resource = make({{kCmd, Value("true")},
                        {kWatchShell, Value("/bin/sh")},
                        {kWatchCmd, Value("echo x >> " + path("starts") + "; exit 1")}});
  EXPECT_EQ(apply(*resource), "");
  int events = 0;
  Subscriptions subscriptions;
  resource->watch(subscriptions, [&](Look) { ++events; });
  EXPECT_TRUE(loop_until(
      [&] { return std::filesystem::exists(path("starts")) && std::filesystem::file_size(path("starts")) == 4; }));
  EXPECT_EQ(check(*resource), "");
  EXPECT_EQ(seen.warnings.size(), 1u);
  EXPECT_EQ(seen.warnings.at(0),
            "exec[x]: watchcmd: `echo x >> " + path("starts") +
                "; exit 1` ended with status 1; starting it again, after 1 s at first and 60 s at most");
}

TEST_F(ExecTest, InNoopNoWatchCommandIsStarted) {
  auto declaration = declare({{kCmd, Value("true")}, {kWatchCmd, Value("touch " + path("mark"))}});
  Meta meta;
  meta.noop = true;
  declaration->meta = std::make_shared<Meta>(meta);
  Subscriptions subscriptions;
  make(declaration)->watch(subscriptions, [](Look) {});
  EXPECT_TRUE(subscriptions.empty());
}

TEST_F(ExecTest, InADryRunAGuardThatCantBeConfinedIsNotRun) {
  // This program is no mgmt, that could confine it.
  auto resource = make({{kCmd, Value("true")}, {kIfCmd, Value("touch " + path("mark"))}});
  Delta delta;
  asio::co_spawn(loop.io(), resource->check({.dry = true}), [&](const std::exception_ptr& failure, Delta found) {
    EXPECT_EQ(text_of_failure(failure), "");
    delta = std::move(found);
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(std::filesystem::exists(path("mark")));
  ASSERT_EQ(delta.changes.size(), 1u);
  EXPECT_FALSE(delta.changes[0].known);
  EXPECT_EQ(delta.changes[0].why, "`ifcmd` was not run: this program can't confine it");
}

TEST_F(ExecTest, ASecretIsHiddenBeforeAnErrorIsCut) {
  // The error shows 80 characters of the command, which end within the secret.
  std::string secret = "hunter2hunter2hunter2";
  auto declaration = declare({{kCmd, Value("false")}, {kArgs, list({std::string(60, 'x').c_str(), secret.c_str()})}});
  Mask mask;
  mask.add(secret);
  declaration->params.taint(kArgs, mask);
  std::string error = apply(*make(declaration));
  EXPECT_EQ(error, "`false " + std::string(60, 'x') + " ***` ended with status 1");
}

TEST_F(ExecTest, PolledItRunsAtEachLook) {
  auto declaration = declare({{kCmd, Value("true")}});
  Meta meta;
  meta.poll = 5s;
  declaration->meta = std::make_shared<Meta>(meta);
  auto resource = make(declaration);
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(check(*resource), "true");
}

TEST_F(ExecTest, CancelledItLeavesNoProcess) {
  auto resource = make(shell("sleep 1000 & echo $!; wait"));
  asio::cancellation_signal stop;
  std::string result;
  seen.on_line = [&] { loop.post([&] { stop.emit(asio::cancellation_type::terminal); }); };
  asio::co_spawn(loop.io(), resource->apply({{{.param = "cmd"}}}),
                 asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& failure) {
                   result = text_of_failure(failure);
                   loop.stop();
                 }));
  loop.run();
  EXPECT_EQ(result, "cancelled");
  EXPECT_TRUE(loop_until([&] { return spawner.running() == 0 && is_dead(seen.out.at(0)); }));
}

TEST_F(ExecTest, WhatItLeavesRunningIsNotWaitedFor) {
  auto began = Clock::now();
  EXPECT_EQ(run(shell("sleep 1000 & echo $!")), "");
  EXPECT_LT(Clock::now() - began, 100s);
  ASSERT_EQ(seen.out.size(), 1u);
  EXPECT_FALSE(is_dead(seen.out.at(0))) << "it was left alone";
  kill(std::stoi(seen.out.at(0)), SIGKILL);
}

TEST_F(ExecTest, FiftyMegabytesPassThroughInBoundedMemory) {
  seen.keep_lines = false;
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(run(shell("yes 0123456789012345678901234567890123456789012345678 | head -c 50000000")), "");
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(seen.bytes, 50000000u);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)  // they keep what was freed
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 8 * 1024) << "KiB";
#endif
}

TEST_F(ExecTest, ALineWithoutEndIsCutAndSaid) {
  EXPECT_EQ(run(shell("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo next")), "");
  ASSERT_EQ(seen.out.size(), 2u);
  EXPECT_EQ(seen.out[0], std::string(LineSplitter::kMaxLine, 'x') + " [cut: the line is longer than 16 KiB]");
  EXPECT_EQ(seen.out[1], "next");
}

TEST_F(ExecTest, TwoHundredRunAtOnce) {
  std::vector<std::unique_ptr<AsyncResource>> resources;
  int left = 200, failed = 0;
  auto began = Clock::now();
  for (int i = 0; i < 200; ++i) {
    resources.push_back(make({{kCmd, Value("sleep 0.3")}}));
    asio::co_spawn(loop.io(), resources.back()->apply({{{.param = "cmd"}}}), [&](const std::exception_ptr& failure) {
      if (failure) ++failed;
      if (--left == 0) loop.stop();
    });
  }
  loop.run();
  EXPECT_EQ(failed, 0);
  EXPECT_LT(Clock::now() - began, 30s) << "one after the other takes 60 s";
}

TEST_F(ExecTest, ANotifiedOneRunsOnceMoreAndARefreshOnlyOneOnlyThen) {
  auto resource = make(shell("echo ran"));
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(check(*resource), "");
  Inputs notified{.refresh = true};
  EXPECT_EQ(changes(*resource, notified), "refresh: echo ran");
  auto only = make(with(shell("echo only"), kRefreshOnly, Value(true)));
  EXPECT_EQ(changes(*only, {}), "");
  EXPECT_EQ(changes(*only, notified), "refresh: echo only");
  EXPECT_EQ(apply(*only, {{{.param = "refresh"}}}), "");
  EXPECT_EQ(seen.out, (std::vector<std::string>{"ran", "only"}));
}

TEST_F(ExecTest, ItsGuardsHoldForARefreshAndARunThatIsDueStandsForIt) {
  Inputs notified{.refresh = true};
  EXPECT_EQ(changes(*make(with(shell("x"), kIfCmd, Value("false"))), notified), "");
  EXPECT_EQ(changes(*make(with(shell("x"), kIfCmd, Value("true"))), notified), "cmd: x");
  EXPECT_EQ(changes(*make(shell("x")), notified), "cmd: x");
}

TEST_F(ExecTest, ARefreshCommandRunsInThePlaceOfCmdWhateverTheGuardsSay) {
  Inputs notified{.refresh = true};
  auto guarded = make(with(with(shell("echo start"), kRefreshCmd, Value("echo reload")), kNifCmd, Value("true")));
  EXPECT_EQ(changes(*guarded, {}), "");
  EXPECT_EQ(changes(*guarded, notified), "refresh: echo reload");
  EXPECT_EQ(apply(*guarded, {{{.param = "refresh"}}}), "");
  EXPECT_EQ(seen.out, std::vector<std::string>{"reload"});
  // Not started yet: both, in this order.
  auto fresh = make(with(shell("echo start"), kRefreshCmd, Value("echo reload")));
  EXPECT_EQ(changes(*fresh, notified), "cmd: echo start; refresh: echo reload");
}

TEST_F(ExecTest, WhatIsSentIsKeptAsItWasPrintedAndNothingElse) {
  auto resource = make(shell("printf 'a\\nb'; sleep 0.1; echo c >&2"));
  EXPECT_TRUE(std::ranges::all_of(resource->outputs(), &Value::is_none)) << "it didn't run";
  EXPECT_EQ(changes(*resource, {.sends = 1u << kStdout | 1u << kBoth}), "cmd: printf 'a\\nb'; sleep 0.1; echo c >&2");
  EXPECT_EQ(apply(*resource), "");
  std::vector<Value> outputs = resource->outputs();
  ASSERT_EQ(outputs.size(), std::size(kOutputs));
  EXPECT_EQ(outputs[kStdout], Value("a\nb"));
  EXPECT_EQ(outputs[kBoth], Value("a\nbc\n"));
  EXPECT_TRUE(outputs[kStderr].is_none());
  EXPECT_EQ(changes(*resource, {.sends = 1u << kStdout}), "");
  EXPECT_NE(changes(*resource, {.sends = 1u << kStderr}), "") << "what is wanted now wasn't kept: it runs again";
}

TEST_F(ExecTest, WhatIsSentIsBoundedAndWhatIsNotMayBeAnyLength) {
  auto resource = make(shell("head -c 1048577 /dev/zero; head -c 1048576 /dev/zero >&2"));
  changes(*resource, {.sends = 1u << kStderr});
  EXPECT_EQ(apply(*resource), "");
  EXPECT_EQ(resource->outputs()[kStderr].get<std::string>().size(), 1048576u);
  changes(*resource, {.sends = 1u << kStdout});
  EXPECT_EQ(apply(*resource),
            "`head -c 1048577 /dev/zero; head -c 1048576 /dev/zero >&2` printed more than 1048576 bytes on stdout: too "
            "much to be sent | let it write a file, and watch that");
}

TEST_F(ExecTest, BadParametersAreAllNamed) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(diagnose({{kCmd, Value(" ")}}), Texts{"`cmd` of exec is empty"});
  EXPECT_EQ(diagnose({{kCmd, Value("a b")}, {kArgs, list({"c"})}}),
            Texts{"`cmd` has 2 words, but with `args` it is the program alone"});
  EXPECT_EQ(diagnose({{kCmd, Value("a")}, {kArgs, list({"c"})}, {kShell, Value("/bin/sh")}}),
            Texts{"`args` can't be used with `shell`"});
  EXPECT_EQ(diagnose({{kEnv, Value(Map{{"1A", Value("")}, {"A=B", Value("")}, {"_a1", Value("")}})},
                      {kCwd, Value("tmp")},
                      {kCreates, Value("./x")},
                      {kWatchFiles, list({"/ok", "no"})},
                      {kIfShell, Value("/bin/sh")}}),
            (Texts{"`1A` can't be the name of a variable in `env`", "`A=B` can't be the name of a variable in `env`",
                   "`cwd` of exec is not an absolute path: `tmp`", "`creates` of exec is not an absolute path: `./x`",
                   "`watchfiles` of exec is not an absolute path: `no`", "`ifshell` has no effect without `ifcmd`"}));
}

TEST_F(ExecTest, WhatOnlyAShellUnderstandsIsWarnedOfWhereThereIsNone) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(diagnose({{kCmd, Value("a && b | c > d &")}}),
            Texts{"`|`, `&&` and `>` in `cmd` have no meaning without a shell: the program gets them as written"});
  EXPECT_EQ(diagnose({{kCmd, Value("rm /tmp/*")}}),
            Texts{"`*` in `cmd` has no meaning without a shell: the program gets it as written"});
  EXPECT_EQ(diagnose({{kCmd, Value("sleep 1 &")}}),
            Texts{"`&` in `cmd` has no meaning without a shell: the program gets it as written"});
  EXPECT_EQ(diagnose({{kCmd, Value("a")}, {kIfCmd, Value("test `b` = \"c\"")}, {kNifCmd, Value("d; e")}}),
            (Texts{"a backtick and `\"` in `ifcmd` have no meaning without a shell: the program gets them as written",
                   "`;` in `nifcmd` has no meaning without a shell: the program gets it as written"}));
  EXPECT_EQ(diagnose(shell("a && b | c > $d")), Texts{});
  EXPECT_EQ(diagnose({{kCmd, Value("curl http://host/?a=1&b=~/2")}}), Texts{});
  EXPECT_EQ(diagnose({{kCmd, Value("echo")}, {kArgs, list({"$a", "b|c"})}}), Texts{});
}

TEST_F(ExecTest, ARefreshThatMakesNoSenseIsNamed) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(diagnose({{kCmd, Value("a")}, {kRefreshCmd, Value(" ")}}), Texts{"`refresh_cmd` of exec is empty"});
  EXPECT_EQ(
      diagnose({{kCmd, Value("a")}, {kRefreshOnly, Value(true)}, {kRefreshCmd, Value("b")}}),
      Texts{"with `refresh_only`, `cmd` runs on a refresh, and with `refresh_cmd` it doesn't: it would never run"});
  EXPECT_EQ(diagnose({{kCmd, Value("a")}, {kRefreshOnly, Value(true)}, {kWatchFiles, list({"/x"})}}),
            Texts{"`watchfiles` doesn't go with `refresh_only`"});
}

TEST(LastLines, AnErrorIsNotLostInWhatFollows) {
  LastLines last;
  last.add("cannot open", LastLines::From::Stderr);
  for (int i = 0; i < 100; ++i) last.add(std::to_string(i), LastLines::From::Stdout);
  EXPECT_EQ(last.text(), "it printed last:\n  cannot open\n  91\n  92\n  93\n  94\n  95\n  96\n  97\n  98\n  99");
  for (int i = 0; i < 100; ++i) last.add("e" + std::to_string(i), LastLines::From::Stderr);
  EXPECT_EQ(last.text(), "it printed last:\n  e90\n  e91\n  e92\n  e93\n  e94\n  e95\n  e96\n  e97\n  e98\n  e99");
}

TEST(LineSplitter, CutsAtCharactersAndGoesOnAfterTheLine) {
  LineSplitter lines;
  std::vector<std::string> seen;
  auto sink = [&](std::string_view line) { seen.emplace_back(line); };
  lines.feed("a", sink);
  lines.feed("b\nc\n\n", sink);
  // 16 KiB less one byte, then a character of two bytes that begins inside and ends outside.
  std::string prefix(LineSplitter::kMaxLine - 1, 'x');
  lines.feed(prefix, sink);
  lines.feed("\xc3", sink);
  lines.feed("\xa4y", sink);
  lines.feed("more\nlast", sink);
  lines.finish(sink);
  EXPECT_EQ(seen, (std::vector<std::string>{"ab", "c", "", prefix + std::string(LineSplitter::kCutMark), "last"}));
}

}  // namespace
}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/json.h"

#include <fmt/format.h>

#include <cmath>

#include "src/value/json.h"
#include "src/views/history.h"

namespace mgmt::views {
namespace {

using namespace report;

// One object, key by key, in the order of the calls.
class Object {
 public:
  Object(std::chrono::system_clock::time_point time, std::string_view event, std::string& out) : out_(out) {
    auto micros = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
    fmt::format_to(std::back_inserter(out_), R"({{"time": {}.{:06}, "event": "{}")", micros / 1000000, micros % 1000000,
                   event);
  }
  ~Object() { out_ += "}\n"; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  Object& text(std::string_view key, std::string_view value) { return raw(key, json_quote(value)); }
  Object& number(std::string_view key, std::uint64_t value) { return raw(key, fmt::format_int(value).c_str()); }
  Object& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  /// A time span; JSON knows no infinity.
  Object& seconds(std::string_view key, double value) {
    return raw(key, std::isfinite(value) ? fmt::format("{:.6f}", value) : std::string("null"));
  }
  Object& raw(std::string_view key, std::string_view json) {
    fmt::format_to(std::back_inserter(out_), R"(, "{}": {})", key, json);
    return *this;
  }

 private:
  std::string& out_;
};

std::string_view word(Notice::Level level) {
  switch (level) {
    case Notice::Level::Debug: return "debug";
    case Notice::Level::Info: return "info";
    case Notice::Level::Warning: return "warning";
    case Notice::Level::Error: return "error";
  }
  return "";
}

std::string_view word(Output::Stream stream) {
  switch (stream) {
    case Output::Stream::Stdout: return "stdout";
    case Output::Stream::Stderr: return "stderr";
    case Output::Stream::Print: return "print";
  }
  return "";
}

std::string to_json(const Process& process) {
  std::string out = fmt::format(R"({{"text":{},"pid":{})", json_quote(process.text()), process.pid);
  auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out += fmt::format(R"(,"{}":{})", key, json_quote(value));
  };
  text("command", process.command);
  if (process.uid) out += fmt::format(R"(,"uid":{})", *process.uid);
  text("user", process.user);
  if (process.session) out += fmt::format(R"(,"session":{})", *process.session);
  text("unit", process.unit);
  text("terminal", process.terminal);
  return out + "}";
}

struct Teller {
  std::chrono::system_clock::time_point time;
  std::string& out;

  Object object(std::string_view event) { return {time, event, out}; }

  void operator()(const GraphStarted& e) {
    object("graph")
        .text("name", e.name)
        .number("generation", e.generation)
        .number("resources", e.resources)
        .number("edges", e.edges)
        .number("kept", e.kept)
        .number("added", e.added)
        .number("changed", e.changed)
        .number("removed", e.removed);
  }
  void operator()(const Started& e) { object("started").text("resource", e.resource); }
  void operator()(const Changed& e) {
    Object line = object("changed");
    line.text("resource", e.resource).flag("repair", e.repair).flag("dry", e.dry).seconds("seconds", e.seconds);
    std::string delta = e.delta ? to_json(*e.delta) : R"({"changes":[]})";
    constexpr std::string_view kHead = R"({"changes":)";
    line.raw("changes", std::string_view(delta).substr(kHead.size(), delta.size() - kHead.size() - 1));
    if (e.by) line.raw("by", to_json(*e.by));
    // Else they are the history's.
    if (std::string diffs = e.dry && e.delta ? diffs_to_json(*e.delta) : ""; !diffs.empty()) line.raw("diffs", diffs);
  }
  void operator()(const Fine& e) { object("fine").text("resource", e.resource).seconds("seconds", e.seconds); }
  void operator()(const Failed& e) {
    Object line = object("failed");
    line.text("resource", e.resource).text("place", e.place).text("error", e.error).text("hint", e.hint);
    if (e.retry_in < 0) line.raw("retry_in", "null");
    else line.seconds("retry_in", e.retry_in);
    line.seconds("seconds", e.seconds).number("times", e.times);
  }
  void operator()(const Output& e) {
    object("output").text("resource", e.resource).text("stream", word(e.stream)).text("line", e.line);
  }
  void operator()(const Notice& e) {
    object("notice").text("level", word(e.level)).text("place", e.place).text("text", e.text).text("hint", e.hint);
  }
  void operator()(const Converged& e) {
    Object line = object("converged");
    line.number("generation", e.generation);
    if (e.seconds > 0) line.seconds("seconds", e.seconds);
    if (e.watches) line.number("watched", e.watched).number("polled", e.polled);
  }
  void operator()(const Settled& e) { object("settled").number("failed", e.failed).number("blocked", e.blocked); }
  void operator()(const Durable&) { object("durable"); }
  void operator()(const Progress&) {}
  void operator()(const Summary& e) {
    std::string path;
    for (const std::string& resource : e.critical_path) path += (path.empty() ? "" : ", ") + json_quote(resource);
    object("summary")
        .text("outcome", e.outcome)
        .number("resources", e.resources)
        .number("changed", e.changed)
        .number("repaired", e.repaired)
        .number("failed", e.failed)
        .number("blocked", e.blocked)
        .number("withheld", e.withheld)
        .flag("dry", e.dry)
        .seconds("elapsed", e.elapsed)
        .seconds("first_pass", e.first_pass)
        .seconds("serial", e.serial)
        .seconds("critical", e.critical)
        .raw("critical_path", "[" + path + "]");
  }
};

}  // namespace

bool Json::wants(const Body& body) const {
  if (const auto* notice = std::get_if<Notice>(&body)) return notice->level >= level_;
  return !std::holds_alternative<Progress>(body);
}

void Json::show(const Event& event, std::string& out) {
  if (wants(event.body)) std::visit(Teller{event.time, out}, event.body);
}

void Json::show_dropped(std::size_t count, std::string& out) {
  Object(std::chrono::system_clock::now(), "dropped", out).number("count", count);
}

}  // namespace mgmt::views

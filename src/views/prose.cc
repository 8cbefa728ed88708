// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/prose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/base/text.h"

namespace mgmt::views {
namespace {

using namespace report;

enum class Ink { Good, Changed, Repaired, Planned, Bad, Warning, Dim };

constexpr std::string_view escape_of(Ink ink) {
  switch (ink) {
    case Ink::Good: return "\x1b[1;32m";
    case Ink::Changed: return "\x1b[32m";
    case Ink::Repaired: return "\x1b[35m";
    case Ink::Planned: return "\x1b[36m";
    case Ink::Bad: return "\x1b[1;31m";
    case Ink::Warning: return "\x1b[33m";
    case Ink::Dim: return "\x1b[2m";
  }
  return {};
}

std::string inked(bool color, Ink ink, std::string_view text) {
  return color ? fmt::format("{}{}\x1b[0m", escape_of(ink), text) : std::string(text);
}

std::string diff_line_inked(bool color, std::string_view diff_line) {
  if (diff_line.starts_with("@@")) return inked(color, Ink::Planned, diff_line);
  if (diff_line.starts_with('+')) return inked(color, Ink::Changed, diff_line);
  if (diff_line.starts_with('-')) return inked(color, Ink::Bad, diff_line);
  return std::string(diff_line);
}

constexpr std::string_view kIndent = "    ";

// A value in a line among others: its beginning is enough to know it again.
std::string shortened(std::string text) {
  constexpr std::size_t kWidest = 80;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (++characters > kWidest) return text.substr(0, i) + "…";
  }
  return text;
}

// Content comes as {sha256, size}; a hash tells a person nothing.
const Map* content_of(const Value& value) {
  const auto* map = value.get_if<Map>();
  bool is_content = map && map->size() == 2 && (*map)[0].first == "sha256" && (*map)[1].first == "size" &&
                    (*map)[1].second.get_if<std::int64_t>();
  return is_content ? map : nullptr;
}

std::string side(const Value& value) {
  if (const Map* content = content_of(value))
    return counted(static_cast<std::size_t>((*content)[1].second.get<std::int64_t>()), "byte");
  if (const auto* text = value.get_if<std::string>(); text && text->empty()) return "''";
  return shortened(to_text(value));
}

std::string took(double seconds) { return seconds > 0 ? fmt::format(" ({})", duration_text(seconds)) : std::string(); }

// One event's text. The functor of std::visit, so that an event that is new to us doesn't compile.
class Teller {
 public:
  Teller(const Prose& prose, std::string& out) : prose_(prose), out_(out) {}

  void operator()(const GraphStarted& graph) {
    std::string name = graph.name.empty() ? "graph" : "graph " + printable(graph.name);
    std::string size = counted(graph.resources, "resource") + ", " + counted(graph.edges, "edge");
    if (graph.generation <= 1) line("{}: {}", name, size);
    else
      line("{}: now {} ({} kept, {} added, {} changed, {} removed)", name, size, graph.kept, graph.added, graph.changed,
           graph.removed);
  }
  void operator()(const Started&) {}
  void operator()(const Fine& fine) {
    line("{} {}{}", ink(Ink::Dim, "fine"), printable(fine.resource), took(fine.seconds));
  }

  void operator()(const Changed& changed) {
    std::string verb = changed.dry      ? ink(Ink::Planned, "would change")
                       : changed.repair ? ink(Ink::Repaired, "repaired")
                                        : ink(Ink::Changed, "changed");
    std::string head = fmt::format("{} {}{}", verb, printable(changed.resource), took(changed.seconds));
    static const Delta kNone;
    const auto& changes = (changed.delta ? *changed.delta : kNone).changes;
    if (changes.empty()) line("{}", head);
    else if (changed.dry) {
      line("{}:", head);
      append_changes(changes, prose_.color, out_);
    } else line("{}: {}{}", head, in_one_line(changes), changed.by ? " (changed by " + changed.by->text() + ")" : "");
  }

  void operator()(const Failed& failed) {
    std::string place = failed.place.empty() ? "" : " at " + printable(failed.place);
    std::string times = failed.times > 1 ? fmt::format(", {} times in a row", failed.times) : "";
    std::string head = fmt::format("{} {}{}{}{}: ", ink(Ink::Bad, "failed"), printable(failed.resource),
                                   took(failed.seconds), place, times);
    paragraph(head, failed.error);
    hint(failed.hint);
    if (failed.retry_in > 0) more(Ink::Dim, fmt::format("trying again in {}", duration_text(failed.retry_in)));
    else if (failed.retry_in == 0) more(Ink::Dim, "trying again at once");
  }

  void operator()(const Output& output) {
    std::string from = printable(output.resource);
    if (output.stream == Output::Stream::Stderr) from += ink(Ink::Warning, " stderr");
    paragraph(from + ": ", output.line);
  }

  void operator()(const Notice& notice) {
    std::string head;
    switch (notice.level) {
      case Notice::Level::Debug: head = ink(Ink::Dim, "debug") + ": "; break;
      case Notice::Level::Info: break;
      case Notice::Level::Warning: head = ink(Ink::Warning, "warning") + ": "; break;
      case Notice::Level::Error: head = ink(Ink::Bad, "error") + ": "; break;
    }
    if (!notice.place.empty()) head += printable(notice.place) + ": ";
    paragraph(head, notice.text);
    for (std::string_view excerpt_line : split_lines(notice.excerpt)) line("{}{}", kIndent, printable(excerpt_line));
    hint(notice.hint);
  }

  void operator()(const Converged& converged) {
    std::string more;
    if (converged.watches)
      more =
          fmt::format(" in {}; watching {} ({} polled){}", duration_text(converged.seconds),
                      counted(converged.watched, "path"), converged.polled, prose_.interactive ? "; Ctrl-C stops" : "");
    line("{}{}", ink(Ink::Good, "converged"), more);
  }
  void operator()(const Settled& settled) {
    std::string blocked = settled.blocked > 0 ? fmt::format(", {} blocked", settled.blocked) : "";
    line("{}: {} failed{}", ink(Ink::Bad, "settled with failures"), settled.failed, blocked);
  }
  void operator()(const Durable&) { line("durable: what was written is on the disk"); }
  void operator()(const Progress&) {}

  void operator()(const Summary& summary) {
    std::string counts = counted(summary.resources, "resource");
    if (summary.changed + summary.repaired == 0 && !summary.dry) counts += ", nothing changed";
    else if (!summary.dry) counts += fmt::format(", {} changed", summary.changed);
    else counts += summary.changed == 0 ? ", nothing would change" : fmt::format(", {} would change", summary.changed);
    if (summary.repaired > 0) counts += ", " + ink(Ink::Repaired, fmt::format("{} repaired", summary.repaired));
    if (summary.withheld > 0) counts += fmt::format(", {} left as it is", counted(summary.withheld, "difference"));
    if (summary.failed > 0) counts += ", " + ink(Ink::Bad, fmt::format("{} failed", summary.failed));
    if (summary.blocked > 0) counts += fmt::format(", {} blocked", summary.blocked);
    std::string outcome = summary.outcome.empty() ? "" : ": " + printable(summary.outcome);
    line("{} in {}{}", counts, duration_text(summary.elapsed), outcome);
    if (!summary.critical_path.empty())
      line("critical path {}: {}{}", duration_text(summary.critical), path_text(summary.critical_path), gain(summary));
  }

 private:
  std::string ink(Ink color, std::string_view text) const { return inked(prose_.color, color, text); }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  void more(Ink color, std::string_view text) { line("{}{}", kIndent, ink(color, text)); }

  // Text of several lines (a command's last words): the others are indented.
  void paragraph(const std::string& head, std::string_view text) {
    auto lines = split_lines(text);
    line("{}{}", head, lines.empty() ? std::string() : printable(lines.front()));
    for (std::size_t i = 1; i < lines.size(); ++i) line("{}{}", kIndent, printable(lines[i]));
  }
  void hint(std::string_view text) {
    for (std::string_view hint_line : split_lines(text)) more(Ink::Dim, "hint: " + printable(hint_line));
  }

  static std::string in_one_line(const std::vector<Change>& changes) {
    // A tree of a thousand files is still one line.
    constexpr std::size_t kMost = 8;
    std::string text;
    for (std::size_t i = 0; i < changes.size() && i < kMost; ++i) {
      if (i > 0) text += ", ";
      text += change_text(changes[i]);
    }
    if (changes.size() > kMost) text += fmt::format(", and {} more", changes.size() - kMost);
    return text;
  }

  static std::string path_text(const std::vector<std::string>& path) {
    constexpr std::size_t kEnds = 3;
    std::string text;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (i > 0) text += " → ";
      if (i == kEnds && path.size() > 2 * kEnds) {
        text += fmt::format("… ({} more) → ", path.size() - 2 * kEnds);
        i = path.size() - kEnds;
      }
      text += printable(path[i]);
    }
    return text;
  }
  static std::string gain(const Summary& summary) {
    // Where the first pass isn't known, the whole time: rather too small than a boast.
    double took = summary.first_pass > 0 ? summary.first_pass : summary.elapsed;
    if (took <= 0 || summary.serial < 1.05 * took) return {};
    return fmt::format("; {:.1f} times faster than one after the other", summary.serial / took);
  }

  const Prose& prose_;
  std::string& out_;
};

}  // namespace

bool Prose::wants(const Body& body) const {
  if (quiet) {
    if (const auto* notice = std::get_if<Notice>(&body))
      return notice->level >= std::max(level, Notice::Level::Warning);
    if (const auto* summary = std::get_if<Summary>(&body)) return summary->failed + summary->blocked > 0;
    return std::holds_alternative<Failed>(body);
  }
  if (const auto* notice = std::get_if<Notice>(&body)) return notice->level >= level;
  if (std::holds_alternative<GraphStarted>(body)) return level <= Notice::Level::Info;
  if (std::holds_alternative<Fine>(body)) return level == Notice::Level::Debug;
  return !std::holds_alternative<Started>(body) && !std::holds_alternative<Progress>(body);
}

void Prose::append(const Body& body, std::string& out) const {
  if (wants(body)) std::visit(Teller(*this, out), body);
}

std::string change_text(const Change& change) {
  std::string text = change.item.empty() ? "" : shortened(printable(change.item)) + ": ";
  text += change.param + " ";
  if (!change.why.empty()) return text + "unknown: " + printable(change.why);
  if (change.secret) return text + "(secret)";
  std::string after = change.known ? side(change.after) : "(known after the run)";
  if (change.before.is_none()) return text + after;
  std::string before = side(change.before);
  if (before == after && content_of(change.after)) after = "other " + after;
  text += before + " → " + after;
  return change.removes > 1 ? text + fmt::format(" ({} entries)", change.removes) : text;
}

void append_changes(const std::vector<Change>& changes, bool color, std::string& out) {
  for (const Change& change : changes) {
    // The one change that nobody sees before the run: what a command will say.
    std::string_view later = change.param == "validate" ? " (not run now)" : "";
    fmt::format_to(std::back_inserter(out), "{}{}{}\n", kIndent, change_text(change), later);
    std::string diff = diff_of(change);
    for (std::string_view diff_line : split_lines(diff))
      fmt::format_to(std::back_inserter(out), "{0}{0}{1}\n", kIndent, diff_line_inked(color, diff_line));
  }
}

std::string duration_text(double seconds) {
  if (seconds < 0.00095) return fmt::format("{:.1f} ms", std::max(seconds, 0.0) * 1e3);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 59.995) {
    // "2 s" for a delay that somebody wrote as 2, "35.02 s" for what was measured.
    if (seconds == std::floor(seconds)) return fmt::format("{:.0f} s", seconds);
    return fmt::format("{:.2f} s", seconds);
  }
  auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace mgmt::views

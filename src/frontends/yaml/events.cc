// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/frontends/yaml/events.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "src/base/text.h"
#include "src/frontends/shown.h"

namespace mgmt::yaml {

bool Event::is_null() const {
  return type == Type::Scalar && style == Style::Plain &&
         (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL");
}

namespace {

bool is_start(const Event& event) {
  return event.type == Event::Type::MapStart || event.type == Event::Type::ListStart;
}
bool is_end(const Event& event) { return event.type == Event::Type::MapEnd || event.type == Event::Type::ListEnd; }

SourcePos make_pos(int line, int column) {
  return {static_cast<std::uint32_t>(std::max(line, 0)), static_cast<std::uint16_t>(std::clamp(column, 0, 65535)), 0};
}

SourcePos start_of(fy_event* event, int before = 0) {
  const fy_mark* mark = fy_event_start_mark(event);
  return mark ? make_pos(mark->line + 1, mark->column + 1 - before) : SourcePos();
}

std::string_view token_text(fy_token* token) {
  std::size_t length = 0;
  const char* text = token ? fy_token_get_text(token, &length) : nullptr;
  return text ? std::string_view(text, length) : std::string_view();
}

// The text of a single-quoted scalar from what stands between its quotes: '' is ', and lines are folded.
std::string decode_single_quoted(std::string_view raw) {
  std::string out;
  for (std::size_t at = 0; at < raw.size();) {
    if (raw[at] != '\n') {
      out += raw[at];
      at += raw[at] == '\'' ? 2 : 1;
      continue;
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '\t' || out.back() == '\r')) out.pop_back();
    std::size_t next = std::min(raw.find_first_not_of(" \t\r\n", at), raw.size());
    auto line_ends = static_cast<std::size_t>(std::ranges::count(raw.substr(at, next - at), '\n'));
    out += line_ends == 1 ? std::string(" ") : std::string(line_ends - 1, '\n');
    at = next;
  }
  return out;
}

template <class T, void (*Destroy)(T*)>
struct Destroyer {
  void operator()(T* object) const { Destroy(object); }
};
template <class T, void (*Destroy)(T*)>
using Owned = std::unique_ptr<T, Destroyer<T, Destroy>>;

}  // namespace

struct EventReader::Impl {
  // What an anchor stands for: a range of the tape. Open while its own events are still being recorded.
  struct Anchor {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t depth = 0;
    bool open = true;
  };
  // An event that may be needed again, or (anchor >= 0) an alias in its place.
  struct Recorded {
    Event event;
    std::string text;
    int anchor = -1;
  };
  struct Cursor {
    std::size_t at;
    std::size_t end;
  };

  Impl(std::string_view text, Diagnostics& diagnostics_in) : source(text), diagnostics(diagnostics_in) {
    fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    // Some of its words come only this way, and without a sink all of them go to stderr.
    diag_cfg.fp = nullptr;
    diag_cfg.colorize = false;
    diag_cfg.user = this;
    diag_cfg.output_fn = [](fy_diag*, void* user, const char* words, std::size_t length) {
      std::string& printed = static_cast<Impl*>(user)->printed;
      if (printed.size() < 1000) printed.append(words, length);
    };
    diag.reset(fy_diag_create(&diag_cfg));
    if (diag) fy_diag_set_collect_errors(diag.get(), true);
    fy_parse_cfg cfg{};
    cfg.flags = static_cast<fy_parse_cfg_flags>(FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE);
    cfg.diag = diag.get();
    parser.reset(diag ? fy_parser_create(&cfg) : nullptr);
    if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) throw std::bad_alloc();
  }
  ~Impl() { release(); }

  void release() {
    if (current) fy_parser_event_free(parser.get(), current);
    current = nullptr;
  }

  // What has no place of its own gets that of the key, or item, before it.
  void place(Event& event) {
    if (!is_start(event) && event.type != Event::Type::Scalar) return;
    bool follows_key = event.style == Event::Style::Block && event.pos.line == last_pos.line + 1;
    if (event.pos.line == 0 || follows_key) event.pos = last_pos;
    else last_pos = event.pos;
  }

  // The next event, an alias replaced by what it stands for.
  Event next() {
    while (!cursors.empty() && cursors.back().at == cursors.back().end) cursors.pop_back();
    if (!cursors.empty()) return replay();
    return parse();
  }

  Event replay() {
    const Recorded& recorded = tape[cursors.back().at++];
    if (recorded.anchor >= 0) return enter(static_cast<std::size_t>(recorded.anchor), recorded.event.pos);
    replayed_bytes += recorded.text.size();
    if (++replayed_events > kMaxReplayedEvents || replayed_bytes > kMaxReplayedBytes)
      throw SyntaxError{
          last_alias, "the aliases of this file stand for too much",
          "together they may stand for 100,000 values and 16 MiB: write a part of them out, or split the file"};
    Event event = recorded.event;
    event.text = recorded.text;
    return event;
  }

  Event enter(std::size_t anchor, SourcePos alias) {
    if (anchors[anchor].open)
      throw SyntaxError{alias, "an alias inside of what it stands for",
                        "it would never end: an anchor can be used only after its value"};
    last_alias = alias;
    cursors.push_back({anchors[anchor].begin, anchors[anchor].end});
    return next();
  }

  Event parse() {
    release();
    current = fy_parser_parse(parser.get());
    if (!current) {
      if (fy_parser_get_stream_error(parser.get())) throw syntax_error();
      return {};
    }
    Event event;
    fy_token* anchor = nullptr;
    switch (current->type) {
      case FYET_NONE:
      case FYET_STREAM_START: return parse();
      case FYET_STREAM_END: return {};
      case FYET_DOCUMENT_START:
        event.type = Event::Type::DocumentStart;
        event.pos = start_of(current);
        return event;
      case FYET_DOCUMENT_END: event.type = Event::Type::DocumentEnd; return event;
      case FYET_MAPPING_END: event.type = Event::Type::MapEnd; break;
      case FYET_SEQUENCE_END: event.type = Event::Type::ListEnd; break;
      case FYET_MAPPING_START:
      case FYET_SEQUENCE_START: {
        bool is_map = current->type == FYET_MAPPING_START;
        event.type = is_map ? Event::Type::MapStart : Event::Type::ListStart;
        event.flow = is_bracket(fy_event_start_mark(current));
        event.pos = start_of(current);
        anchor = is_map ? current->mapping_start.anchor : current->sequence_start.anchor;
        check_tag(is_map ? current->mapping_start.tag : current->sequence_start.tag, event);
        break;
      }
      case FYET_SCALAR: read_scalar(event); break;
      case FYET_ALIAS: return parse_alias();
    }
    if (current->type == FYET_SCALAR) anchor = current->scalar.anchor;
    event.anchored = anchor != nullptr;
    // An empty value has no place of its own, its anchor has.
    if (const fy_mark* mark = anchor && event.pos.line == 0 ? fy_token_start_mark(anchor) : nullptr)
      event.pos = make_pos(mark->line + 1, mark->column);
    record(event, token_text(anchor));
    return event;
  }

  bool is_bracket(const fy_mark* mark) const {
    return mark && mark->input_pos < source.size() &&
           (source[mark->input_pos] == '{' || source[mark->input_pos] == '[');
  }

  void read_scalar(Event& event) {
    event.type = Event::Type::Scalar;
    fy_token* token = current->scalar.value;
    fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    bool in_quotes = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    event.style = in_quotes                                       ? Event::Style::Quoted
                  : style == FYSS_LITERAL || style == FYSS_FOLDED ? Event::Style::Block
                                                                  : Event::Style::Plain;
    event.text = style == FYSS_SINGLE_QUOTED ? single_quoted_text(token) : token_text(token);
    // libfyaml's mark is behind the opening quote.
    event.pos = start_of(current, in_quotes ? 1 : 0);
    if (const fy_mark* end = fy_event_end_mark(current)) {
      // Behind a block it is the beginning of the line after it.
      event.last_line = static_cast<std::uint32_t>(end->line + (end->column > 0 ? 1 : 0));
    }
    check_tag(current->scalar.tag, event);
  }

  // libfyaml 0.7 loses memory with each text that has '''' in it, again and again where a file is watched.
  std::string_view single_quoted_text(fy_token* token) {
    const fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);
    bool placed = start && end && start->input_pos <= end->input_pos && end->input_pos <= source.size();
    std::string_view raw =
        placed ? source.substr(start->input_pos, end->input_pos - start->input_pos) : std::string_view();
    if (raw.find("''''") == raw.npos) return token_text(token);
    return decoded = decode_single_quoted(raw);
  }

  Event parse_alias() {
    std::string name(token_text(current->alias.anchor));
    SourcePos pos = start_of(current, 1);
    auto at = anchor_names.find(name);
    if (at == anchor_names.end()) {
      std::vector<std::string_view> names;
      for (const auto& [known, id] : anchor_names)
        if (names.size() < 1000 && known.size() < 64) names.push_back(known);
      std::string hint = did_you_mean(name, names);
      throw SyntaxError{pos, fmt::format("there is no anchor `{}`", shown(name)),
                        hint.empty() ? "a text that begins with * is written in quotes" : hint};
    }
    if (!open.empty()) {
      Recorded alias;
      alias.event.pos = pos;
      alias.anchor = static_cast<int>(at->second);
      tape.push_back(std::move(alias));
    }
    return enter(at->second, pos);
  }

  void record(const Event& event, std::string_view anchor) {
    if (!anchor.empty()) {
      anchor_names[std::string(anchor)] = anchors.size();
      open.push_back(anchors.size());
      anchors.push_back({.begin = tape.size(), .depth = parsed_depth});
    }
    if (is_start(event)) ++parsed_depth;
    if (is_end(event)) --parsed_depth;
    if (open.empty()) return;
    tape.push_back({.event = event, .text = std::string(event.text)});
    while (!open.empty() && anchors[open.back()].depth == parsed_depth) {
      anchors[open.back()].end = tape.size();
      anchors[open.back()].open = false;
      open.pop_back();
    }
  }

  void check_tag(fy_token* token, Event& event) {
    if (!token) return;
    const char* text = fy_token_get_text0(token);
    std::string_view tag = text ? std::string_view(text) : std::string_view();
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag == "!" || tag == "tag:yaml.org,2002:str") {
      if (event.style == Event::Style::Plain) event.style = Event::Style::Quoted;
      return;
    }
    for (const auto& [word, meaning] :
         {std::pair("!secret", Event::Tag::Secret), {"!file", Event::Tag::File}, {"!env", Event::Tag::Env}}) {
      if (tag != word) continue;
      event.tag = meaning;
      return;
    }
    if (tag.starts_with(kCore)) {
      std::string_view word = tag.substr(kCore.size());
      for (std::string_view known : {"int", "bool", "float", "null", "map", "seq"})
        if (word == known) return;
      tag = word;
    }
    const fy_mark* mark = fy_token_start_mark(token);
    SourcePos pos = mark ? make_pos(mark->line + 1, mark->column + 1) : event.pos;
    pos.file = file;
    // It has had its error: that there is nothing behind it needs no other.
    event.style = Event::Style::Quoted;
    diagnostics.error(pos, fmt::format("the tag `{}` means nothing in a graph", shown(tag)),
                      "leave it out; a text that begins with ! is written in quotes");
  }

  SyntaxError syntax_error() const {
    void* at = nullptr;
    if (const fy_diag_error* error = fy_diag_errors_iterate(diag.get(), &at))
      return explain_syntax_error(make_pos(error->line, error->column), error->msg ? error->msg : "", source);
    std::string_view words = printed;
    if (words.starts_with("[ERR]: ")) words.remove_prefix(7);
    return explain_syntax_error({1, 1, 0}, words.substr(0, words.find('\n')), source);
  }

  std::string_view source;
  Diagnostics& diagnostics;
  std::uint16_t file = 0;
  std::string printed;
  Owned<fy_diag, fy_diag_destroy> diag;
  Owned<fy_parser, fy_parser_destroy> parser;
  fy_event* current = nullptr;
  std::string decoded;

  std::vector<Recorded> tape;
  std::vector<Anchor> anchors;
  std::vector<std::size_t> open;
  std::unordered_map<std::string, std::size_t> anchor_names;
  std::size_t parsed_depth = 0;

  SourcePos last_pos{1, 1, 0};

  std::vector<Cursor> cursors;
  SourcePos last_alias;
  std::size_t replayed_events = 0;
  std::size_t replayed_bytes = 0;
  // Of what was handed out, replayed events included.
  std::size_t depth = 0;
};

EventReader::EventReader(std::string_view text, Diagnostics& diagnostics, std::uint16_t file)
    : impl_(std::make_unique<Impl>(text, diagnostics)) {
  impl_->file = file;
}
EventReader::~EventReader() = default;

Event EventReader::next() {
  Event event = impl_->next();
  if (is_start(event) && ++impl_->depth > kMaxDepth)
    throw SyntaxError{event.pos, "this is nested too deep",
                      fmt::format("a graph needs a handful of levels, {} are read", kMaxDepth)};
  if (is_end(event)) --impl_->depth;
  impl_->place(event);
  event.pos.file = impl_->file;
  return event;
}

}  // namespace mgmt::yaml

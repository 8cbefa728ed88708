// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/terminal.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/views/lines.h"

namespace mgmt::views {
namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{100};

}  // namespace

bool Terminal::wants(const report::Body& body) const {
  return std::holds_alternative<report::Progress>(body) || prose_.wants(body);
}

void Terminal::show(const report::Event& event, std::string& out) {
  if (const auto* progress = std::get_if<report::Progress>(&event.body)) {
    progress_ = *progress;
    has_progress_ = stale_ = true;
    return;
  }
  if (!wants(event.body)) return;
  append(noise_.take(event.body), out);
}

void Terminal::append(const std::vector<report::Body>& bodies, std::string& out) {
  if (!bodies.empty()) erase(out);
  for (const report::Body& body : bodies) prose_.append(body, out);
}

void Terminal::show_dropped(std::size_t count, std::string& out) {
  erase(out);
  out += dropped_text(count) + "\n";
}

void Terminal::redraw(Time now, std::string& out) {
  append(noise_.ripe(now), out);
  if (!next_) next_ = now + kBetweenDrawings;
  if (!stale_ || !has_progress_ || now < *next_) return;
  stale_ = false;
  std::string text = fit(live_text(), columns_());
  if (drawn_ && text == drawn_text_) return;
  erase(out);
  out += text;
  drawn_ = true;
  stale_ = false;
  drawn_text_ = std::move(text);
  next_ = now + kBetweenDrawings;
}

std::optional<View::Time> Terminal::due() const {
  std::optional<Time> drawing = stale_ && has_progress_ ? next_ : std::nullopt;
  std::optional<Time> noise = noise_.due();
  return drawing && noise ? std::min(drawing, noise) : drawing ? drawing : noise;
}

void Terminal::finish(std::string& out) {
  append(noise_.flush(), out);
  erase(out);
}

void Terminal::erase(std::string& out) {
  if (!drawn_) return;
  out += "\r\x1b[K";
  drawn_ = false;
  stale_ = true;
}

std::string Terminal::live_text() const {
  std::string text = fmt::format("{}/{} done", progress_.done, progress_.resources);
  if (progress_.failed > 0) text += fmt::format(", {} failed", progress_.failed);
  if (progress_.running == 0) return text;
  text += fmt::format(", {} running", progress_.running);
  for (std::size_t i = 0; i < progress_.running_now.size(); ++i)
    text += (i == 0 ? ": " : ", ") + printable(progress_.running_now[i]);
  if (progress_.running_now.size() < progress_.running && !progress_.running_now.empty()) text += ", …";
  return text;
}

std::string fit(std::string_view text, std::size_t columns) {
  // The last column stays free: some terminals wrap as soon as it is written.
  std::size_t room = columns > 1 ? columns - 1 : 0;
  std::size_t used = 0, cut_at = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = std::max<std::size_t>(utf8_length(text.substr(i)), 1);
    // From U+1100 on (three bytes) letters may be two columns wide; arrows and dots (U+2xxx) are not.
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t width = lead < 0xe1 || lead == 0xe2 ? 1 : 2;
    if (used + width > room) return room == 0 ? std::string() : std::string(text.substr(0, cut_at)) + "…";
    used += width;
    i += length;
    if (used + 1 <= room) cut_at = i;
  }
  return std::string(text);
}

}  // namespace mgmt::views

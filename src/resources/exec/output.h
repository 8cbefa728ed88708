// SPDX-License-Identifier: GPL-3.0-or-later
// What commands print, line by line, in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace mgmt::exec {

/// Cuts a stream into lines. A line longer than kMaxLine is passed on cut, with a word that it is, at the moment
/// it gets too long; the rest of it is dropped.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{16} << 10;
  static constexpr std::string_view kCutMark = " [cut: the line is longer than 16 KiB]";

  template <class Sink>
  void feed(std::string_view data, Sink&& sink) {
    while (!data.empty()) {
      std::size_t end = data.find('\n');
      std::string_view piece = data.substr(0, end);
      data.remove_prefix(end == data.npos ? data.size() : end + 1);
      if (!cutting_ && line_.size() + piece.size() > kMaxLine) {
        cut(piece);
        sink(std::string_view(line_));
        line_.clear();
        cutting_ = true;
      }
      if (end == data.npos) {
        if (!cutting_) line_.append(piece);
        return;
      }
      if (cutting_) {
        cutting_ = false;
      } else if (line_.empty()) {
        sink(piece);
      } else {
        line_.append(piece);
        sink(std::string_view(line_));
        line_.clear();
      }
    }
  }

  /// The stream has ended: a last line without a line end counts.
  template <class Sink>
  void finish(Sink&& sink) {
    if (!line_.empty()) sink(std::string_view(line_));
    line_.clear();
  }

 private:
  // Not in the middle of a UTF-8 sequence.
  void cut(std::string_view piece) {
    line_.append(piece.substr(0, kMaxLine + 1 - line_.size()));
    std::size_t end = kMaxLine;
    while (end > kMaxLine - 3 && (static_cast<unsigned char>(line_[end]) & 0xc0) == 0x80) --end;
    line_.resize(end);
    line_.append(kCutMark);
  }

  std::string line_;
  bool cutting_ = false;
};

/// The last few lines, for the message of a failure. Half of them are kept for what was said on stderr, however much
/// followed on stdout.
class LastLines {
 public:
  enum class From { Stdout, Stderr };

  void add(std::string_view line, From from) {
    if (lines_.size() == kCount) {
      auto is_stderr = [](const Line& one) { return one.from == From::Stderr; };
      bool spare = std::ranges::count_if(lines_, is_stderr) <= static_cast<std::ptrdiff_t>(kCount / 2);
      lines_.erase(spare ? std::ranges::find_if_not(lines_, is_stderr) : lines_.begin());
    }
    lines_.push_back({from, std::string(line.substr(0, kWidth))});
  }
  /// "" if there was none.
  std::string last() const { return lines_.empty() ? std::string() : lines_.back().text; }
  std::string text() const {
    if (lines_.empty()) return {};
    std::string text = "it printed last:";
    for (const Line& line : lines_) text.append("\n  ").append(line.text);
    return text;
  }

 private:
  static constexpr std::size_t kCount = 10;
  static constexpr std::size_t kWidth = 500;
  struct Line {
    From from;
    std::string text;
  };
  std::deque<Line> lines_;
};

/// All that a command prints on one of its streams, as it is, up to a limit.
class Whole {
 public:
  explicit Whole(std::size_t limit) : limit_(limit) {}
  void add(std::string_view data) {
    too_long_ |= data.size() > limit_ - text_.size();
    if (!too_long_) text_.append(data);
  }
  /// More than the limit was printed: then the text is not whole.
  bool too_long() const { return too_long_; }
  std::string take() && { return std::move(text_); }

 private:
  std::size_t limit_;
  std::string text_;
  bool too_long_ = false;
};

}  // namespace mgmt::exec

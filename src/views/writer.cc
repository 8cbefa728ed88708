// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/views/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "src/async/no_signals.h"
#include "src/base/text.h"
#include "src/views/sink.h"

namespace mgmt::views {
namespace {

using namespace report;

// What stands in the queue where events were dropped.
struct Dropped {
  std::size_t count = 0;
};
using Item = std::variant<Event, Dropped>;

struct HeapBytes {
  std::size_t operator()(const GraphStarted& e) const { return e.name.size(); }
  std::size_t operator()(const Started& e) const { return e.resource.size(); }
  std::size_t operator()(const Fine& e) const { return e.resource.size(); }
  std::size_t operator()(const Failed& e) const {
    return e.resource.size() + e.place.size() + e.error.size() + e.hint.size();
  }
  std::size_t operator()(const Output& e) const { return e.resource.size() + e.line.size(); }
  std::size_t operator()(const Notice& e) const {
    return e.text.size() + e.hint.size() + e.place.size() + e.excerpt.size();
  }
  std::size_t operator()(const Changed& e) const {
    std::size_t bytes = e.resource.size();
    if (!e.delta) return bytes;
    for (const Change& change : e.delta->changes) {
      bytes += sizeof(Change) + 200;
      if (change.text) bytes += change.text->before.size() + change.text->after.size();
    }
    return bytes;
  }
  template <class Other>
  std::size_t operator()(const Other&) const {
    return 0;
  }
};

std::size_t bytes_of(const Event& event) { return sizeof(Item) + std::visit(HeapBytes{}, event.body); }

std::size_t event_count(const Item& item) {
  if (const auto* dropped = std::get_if<Dropped>(&item)) return dropped->count;
  return std::holds_alternative<Progress>(std::get<Event>(item).body) ? 0 : 1;
}

// Bytes that are formatted before they are written.
constexpr std::size_t kPiece = std::size_t{64} << 10;
// What the queue may keep allocated between two bursts.
constexpr std::size_t kKeptItems = 1024;
// Between two batches, so that a burst costs the loop's thread a thousand wake-ups a second and not one an event.
constexpr std::chrono::milliseconds kPace{1};

}  // namespace

class Writer::State {
 public:
  State(Fd out, std::unique_ptr<View> view, Limits limits)
      : view_(std::move(view)), sink_(std::move(out), limits.patience), limits_(limits) {}

  void push(const Event& event) {
    if (reader_gone_ || !view_->wants(event.body)) return;
    std::size_t bytes = bytes_of(event);
    bool wake = false;
    {
      std::lock_guard lock(mutex_);
      // Few, and the last word of a run: never dropped.
      bool is_summary = std::holds_alternative<Summary>(event.body);
      bool is_output = std::holds_alternative<Output>(event.body);
      std::size_t limit = is_output ? std::min(limits_.output_bytes, limits_.bytes) : limits_.bytes;
      if (std::holds_alternative<Progress>(event.body)) {
        progress_ = event;
      } else if (bytes_ + bytes > limit && !is_summary) {
        if (queue_.empty() || !std::holds_alternative<Dropped>(queue_.back())) queue_.emplace_back(Dropped{});
        ++std::get<Dropped>(queue_.back()).count;
      } else {
        bytes_ += bytes;
        queue_.emplace_back(event);
      }
      wake = std::exchange(asleep_, false);
    }
    if (wake) wake_.notify_one();
  }

  bool lags() {
    std::lock_guard lock(mutex_);
    return bytes_ > limits_.lag_bytes && std::chrono::steady_clock::now() - moved_ < limits_.lag_patience;
  }

  void close() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    sink_.hurry();
    wake_.notify_one();
  }

  /// False if the thread is still at work when nothing more should be.
  bool wait_until_done() {
    std::unique_lock lock(mutex_);
    for (std::uint64_t seen = sink_.written();; seen = sink_.written()) {
      if (finished_.wait_for(lock, limits_.patience + std::chrono::milliseconds(100), [&] { return done_; }))
        return true;
      // A reader that takes its time gets all of it: what counts is that bytes move.
      if (sink_.written() == seen) return false;
    }
  }

  std::size_t given_up() const { return given_up_; }
  bool refused() const { return refused_; }

  void run() {
    std::vector<Item> batch;
    std::string out;
    for (bool last = false; !last;) {
      last = take(batch);
      std::size_t shown = 0, bytes = 0;
      for (Item& item : batch) {
        show(item, out);
        shown += event_count(item);
        if (const auto* event = std::get_if<Event>(&item); event && !std::holds_alternative<Progress>(event->body))
          bytes += bytes_of(*event);
        item = Dropped{};  // gives its memory back while the reader takes its time
        if (out.size() < kPiece) continue;
        write(out, shown);
        release(std::exchange(bytes, 0));
        shown = 0;
      }
      batch.clear();
      if (batch.capacity() > kKeptItems) batch.shrink_to_fit();
      if (last) view_->finish(out);
      else view_->redraw(std::chrono::steady_clock::now(), out);
      write(out, shown);
      release(bytes);
    }
    std::lock_guard lock(mutex_);
    done_ = true;
    finished_.notify_one();
  }

 private:
  // Waits for something to do; true: it is the last.
  bool take(std::vector<Item>& batch) {
    std::unique_lock lock(mutex_);
    if (paced_) wake_.wait_for(lock, kPace, [&] { return closing_; });
    auto ready = [&] {
      asleep_ = !closing_ && queue_.empty() && !progress_;
      return !asleep_;
    };
    auto due = view_->due();
    if (due) wake_.wait_until(lock, *due, ready);
    else wake_.wait(lock, ready);
    asleep_ = false;
    batch.swap(queue_);
    if (progress_) batch.emplace_back(*std::exchange(progress_, std::nullopt));
    paced_ = !batch.empty();
    return closing_;
  }

  void show(const Item& item, std::string& out) {
    if (reader_gone_ || gave_up_) return;
    if (const auto* event = std::get_if<Event>(&item)) view_->show(*event, out);
    else view_->show_dropped(std::get<Dropped>(item).count, out);
  }

  void write(std::string& out, std::size_t events) {
    if (!reader_gone_ && !gave_up_) {
      switch (sink_.write(out)) {
        case Sink::Outcome::Written: break;
        case Sink::Outcome::Refused: refused_ = true; break;
        case Sink::Outcome::ReaderGone:
          reader_gone_ = true;
          tell_stderr("mgmt: nobody reads the report any more, its pipe was closed: that doesn't end the run");
          break;
        case Sink::Outcome::GivenUp: gave_up_ = true; break;
      }
    }
    if (gave_up_) given_up_ += events;
    out.clear();
  }

  void release(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    if (bytes > 0) moved_ = std::chrono::steady_clock::now();
  }

  std::unique_ptr<View> view_;
  Sink sink_;
  Limits limits_;
  std::atomic<bool> reader_gone_ = false, refused_ = false;
  std::atomic<std::size_t> given_up_ = 0;
  bool gave_up_ = false;
  bool paced_ = false;

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  // Guarded by mutex_.
  std::vector<Item> queue_;
  std::optional<Event> progress_;
  std::size_t bytes_ = 0;
  /// When something of it was taken last.
  std::chrono::steady_clock::time_point moved_ = std::chrono::steady_clock::now();
  bool asleep_ = false, closing_ = false, done_ = false;
};

Writer::Writer(Fd out, std::unique_ptr<View> view, Limits limits)
    : state_(std::make_shared<State>(std::move(out), std::move(view), limits)) {
  NoSignals inherited;
  thread_ = std::thread([state = state_] { state->run(); });
}

bool Writer::finish() {
  if (!thread_.joinable()) return !state_->refused();
  state_->close();
  if (state_->wait_until_done()) thread_.join();
  else thread_.detach();  // in a write() that poll() had promised not to block
  if (std::size_t lost = state_->given_up(); lost > 0)
    tell_stderr(fmt::format("mgmt: nobody read the report to its end: the last {} not written, or not whole",
                            counted(lost, "event")));
  return !state_->refused();
}

void Writer::on_event(const Event& event) { state_->push(event); }

bool Writer::lags() const { return state_->lags(); }

}  // namespace mgmt::views

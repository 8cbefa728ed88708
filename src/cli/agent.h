// SPDX-License-Identifier: GPL-3.0-or-later
// Agent: `mgmt run`. Ties a graph file, the engine, the world and the views together, and decides when the run
// ends and with which status.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/cli/agent_socket.h"
#include "src/cli/command_line.h"
#include "src/cli/drawer.h"
#include "src/cli/exit_code.h"
#include "src/cli/follower.h"
#include "src/cli/gate.h"
#include "src/cli/graph_file.h"
#include "src/cli/graph_index.h"
#include "src/cli/keeping.h"
#include "src/cli/pausing.h"
#include "src/cli/place.h"
#include "src/cli/settler.h"
#include "src/cli/sharing.h"
#include "src/cli/undoings.h"
#include "src/engine/run/engine.h"
#include "src/events/clock/resumes.h"
#include "src/events/signal/signals.h"
#include "src/state/agent_state.h"
#include "src/views/board.h"
#include "src/world/local/name_lock.h"

namespace mgmt::cli {

/// What others do with a run.
struct AgentHooks {
  /// Beside the view; destroyed at the end of the run.
  std::unique_ptr<report::Reader> reader = nullptr;
  Engine::Options::Approve approve = {};
  /// Of a plan that is made where no daemon can be reached.
  std::shared_ptr<const Answers> answers = nullptr;
  /// It does what a plan says that somebody has read.
  bool planned = false;
};

class Agent {
 public:
  /// `file` holds a graph.
  Agent(RunCommand command, GraphFiles files, GraphFile file, AgentHooks hooks = {});
  ~Agent();
  /// Until the run ends; the process's exit status.
  int run();
  /// The one that ran last, with what it collected.
  const ResourceGraph& graph() const { return engine_->graph(); }

 private:
  /// One for `status`, until the history has been asked. It stays on the loop's thread.
  struct Question {
    Question(Loop& loop, AgentSocket::Reply to) : patience(loop), reply(std::move(to)) {}
    Loop::Timer patience;
    AgentSocket::Reply reply;
  };

  void claim_name();
  void own_drafts();
  void remember();
  void begin();
  void trace();
  void listen();
  void tell_status(AgentSocket::Reply reply);
  void answer_status(std::uint64_t id, const std::vector<views::Fight>& fights);
  void tell_history(const Value& request, AgentSocket::Reply reply);
  void on_question(const Value& request, AgentSocket::Reply reply);
  void close_state();
  void adopt(std::shared_ptr<const ResourceGraph> graph);
  void load(const Declarations& collected);
  void follow_files();
  void take(const std::shared_ptr<const ResourceGraph>& graph, std::uint64_t key);
  void open_gate();
  void on_yes(const Value& request, const AgentSocket::Reply& reply);
  void follow_world();
  void reload();
  void keep_last_good();
  void set_broken(std::optional<Message> what);
  void read_again();
  void tell(const std::vector<Message>& messages);
  void write_graphviz();
  void on_settled(bool all_fine);
  void on_signal(int signal);
  int status_of(const report::Summary& summary, bool converged) const;
  /// `code`: none for what came of the run.
  void end(std::optional<int> code, std::string outcome, bool wait_for_picture = false);
  void finish(bool all_ended = true);

  RunCommand command_;
  AgentHooks hooks_;
  GraphFiles files_;
  GraphFile file_;
  std::string prefix_;
  Loop loop_;
  report::Report report_;
  std::unique_ptr<Sharing> sharing_;
  std::optional<world::local::NameLock> name_;
  std::unique_ptr<state::AgentState> state_;
  std::unique_ptr<Undoings> undoings_;
  std::unique_ptr<Keeping> keeper_;
  const views::Board* board_ = nullptr;  // the report's
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<events::Resumes> resumes_;
  std::unique_ptr<Settler> settler_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Pausing> pausing_;  // null in a dry run
  std::unique_ptr<AgentSocket> socket_;
  std::map<std::uint64_t, std::unique_ptr<Question>> questions_;
  std::uint64_t last_question_ = 0;
  std::unique_ptr<events::Signals> signals_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<Drawer> drawer_;
  Loop::Timer max_runtime_{loop_};
  Loop::Timer trim_timer_{loop_};
  Loop::Timer picture_timer_{loop_};
  std::shared_ptr<const ResourceGraph> base_;
  std::uint64_t base_key_ = 0;  // of its text
  Declarations collected_;
  std::shared_ptr<const GraphIndex> index_;
  /// The same for who asks on another thread.
  std::shared_ptr<std::atomic<std::shared_ptr<const GraphIndex>>> trace_graph_ =
      std::make_shared<std::atomic<std::shared_ptr<const GraphIndex>>>();
  bool collecting_ = false;  // the first answer of the world is not there yet
  /// What the files hold now can't be used, and what was good before runs.
  struct Broken {
    Message what;
    state::Time since;
  };
  std::optional<Broken> broken_;
  bool graph_is_new_ = false;
  bool shows_ = false;  // the report, to somebody
  bool settled_fine_ = false;
  bool ending_ = false;
  bool waits_for_picture_ = false;
  report::Summary summary_;
  bool signalled_ = false;
  bool on_terminal_ = false;
  int exit_code_ = kOk;
  /// What was said of a graph's file and is no error, and of how many places at once.
  std::map<std::string, std::size_t> said_;
};

}  // namespace mgmt::cli

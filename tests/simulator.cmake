# SPDX-License-Identifier: GPL-3.0-or-later
# The engine in virtual time, see simulator/README.md.
set(simulator ${CMAKE_CURRENT_LIST_DIR}/simulator)

# Its own Loop, Pool, Spawner, FileWatcher, start_async and clock: what is here, the linker doesn't take from libraries.
add_library(mgmt_simulator OBJECT
  ${simulator}/main.cc ${simulator}/simulation.cc ${simulator}/rules.cc ${simulator}/graphs.cc ${simulator}/machine.cc
  ${simulator}/journal.cc ${simulator}/virtual_loop.cc)
target_link_libraries(mgmt_simulator PUBLIC mgmt_engine)
target_link_options(mgmt_simulator PUBLIC -Wl,--wrap=_ZNSt6chrono3_V212steady_clock3nowEv)

# mgmt_simulator_program(NAME [SOURCES that take the place of the product's])
function(mgmt_simulator_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE mgmt_simulator)
endfunction()

mgmt_simulator_program(simulator)
# Within two minutes, all of it on every core, and a few under the sanitizers (`-L unit`).
add_test(NAME simulator COMMAND simulator --runs 100000)
set_tests_properties(simulator PROPERTIES LABELS simulator TIMEOUT 120 RUN_SERIAL TRUE)
add_test(NAME simulator_short COMMAND simulator --runs 1000 --from 1000000)
set_tests_properties(simulator_short PROPERTIES LABELS unit TIMEOUT 300)

# mgmt_fault(NAME FILE RIGHT WRONG): the product with one mistake in it, which the simulator has to find. RIGHT stands in
# FILE once.
function(mgmt_fault name file right wrong)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
  file(READ ${PROJECT_SOURCE_DIR}/${file} text)
  string(REPLACE "${right}" "" rest "${text}")
  string(LENGTH "${text}" all)
  string(LENGTH "${rest}" left)
  string(LENGTH "${right}" once)
  math(EXPR gone "${all} - ${left}")
  if(NOT gone EQUAL once)
    message(FATAL_ERROR "fault ${name}: this doesn't stand in ${file} once: ${right}")
  endif()
  string(REPLACE "${right}" "${wrong}" text "${text}")
  get_filename_component(base ${file} NAME)
  set(faulty ${CMAKE_CURRENT_BINARY_DIR}/faults/${name}/${base})
  file(CONFIGURE OUTPUT ${faulty} CONTENT "${text}" @ONLY)
  mgmt_simulator_program(fault_${name} ${faulty})
  add_test(NAME simulator_finds_${name} COMMAND fault_${name} --runs 100000 --expect-violation)
  set_tests_properties(simulator_finds_${name} PROPERTIES LABELS simulator TIMEOUT 120)
endfunction()

mgmt_fault(an_event_during_a_run_is_forgotten src/engine/run/engine.cc
  [[instance.pending = Instance::Pending::Again;
  else]] [[(void)0;
  else]])
mgmt_fault(a_refresh_that_came_during_the_run_is_cleared src/engine/schedule/refreshes.cc
  [[if (one->second.state != State::Given) ++one;]] [[if (one->second.state == State::Coming) ++one;]])
mgmt_fault(a_row_is_durable_only_after_the_change src/engine/run/edges.cc
  [[if (owing.to_write.empty() || !journal_ || options_.noop) return then({});]]
  [[then({});
  if (owing.to_write.empty() || !journal_ || options_.noop) return;
  then = [](const Result<void>&) {};]])
mgmt_fault(a_row_goes_that_holds_what_another_sender_owes src/engine/schedule/refreshes.cc
  [[if (--holder->second == 0) {]] [[if (rows.push_back(id); --holder->second == 0) {]])
mgmt_fault(a_change_does_not_wait_for_the_row_of_another_sender src/engine/schedule/refreshes.cc
  [[if (receiver.durable.empty()) owing]] [[if (owed.holder == owed.id) owing]])
mgmt_fault(a_semaphore_is_released_twice src/engine/schedule/schedule.cc
  [[for (std::uint32_t semaphore : needs->second) free_one(semaphore);]]
  [[for (std::uint32_t semaphore : needs->second) free_one(semaphore), free_one(semaphore);]])
mgmt_fault(converged_is_said_while_a_retry_is_due src/engine/run/settle.cc
  [[if (retries_due_ == 0) return true;]] [[return true;]])
mgmt_fault(a_swap_takes_a_changed_resource_for_equal src/engine/sync/sync.cc
  [[before.vertices[old] == after.vertices[v] || same_effect(*before.vertices[old], declaration)]]
  [[before.vertices[old]->meta == declaration.meta]])
mgmt_fault(a_swap_does_not_wait_for_what_runs src/engine/run/swap.cc
  [[if (!is_abandoned(*running)) hold(*instances[v]);]] [[]])
mgmt_fault(a_refresh_is_forgotten_when_its_run_fails src/engine/schedule/refreshes.cc
  [[if (owed.state == State::Given) owed.state = State::Due;]] [[(void)owed;]])

# Real ones, which the simulator has found.
mgmt_fault(converged_is_said_while_what_has_left_runs src/engine/run/settle.cc
  [[return is_abandoned(*one); })) return false;]] [[return is_abandoned(*one); })) (void)0;]])
mgmt_fault(an_abandoned_resource_counts_as_fine src/engine/run/engine.cc
  [[if (instance.running) instance.pending]] [[if (instance.running && !instance.timed_out) instance.pending]])
mgmt_fault(a_refresh_is_carried_out_before_the_change src/engine/schedule/refreshes.cc
  [[if (owed.state == State::Due) owed.state = State::Given;]] [[owed.state = State::Given;]])

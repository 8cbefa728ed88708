# SPDX-License-Identifier: GPL-3.0-or-later
# The engine in virtual time, see simulator/README.md.
set(simulator ${CMAKE_CURRENT_LIST_DIR}/simulator)

# Its own Loop, Pool, Spawner, FileWatcher, start_async and clock: what is here, the linker doesn't take from libraries.
add_library(mgmt_simulator OBJECT
  ${simulator}/main.cc ${simulator}/simulation.cc ${simulator}/rules.cc ${simulator}/graphs.cc ${simulator}/machine.cc
  ${simulator}/journal.cc ${simulator}/virtual_loop.cc)
target_link_libraries(mgmt_simulator PUBLIC mgmt_engine)
target_link_options(mgmt_simulator PUBLIC -Wl,--wrap=_ZNSt6chrono3_V212steady_clock3nowEv)

add_executable(simulator)
target_link_libraries(simulator PRIVATE mgmt_simulator)

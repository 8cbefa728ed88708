# SPDX-License-Identifier: GPL-3.0-or-later
# The engine with what it drives: real files, commands and inotify, graphs from YAML.
mgmt_test(engine_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/engine/engine_test.cc ${CMAKE_CURRENT_LIST_DIR}/engine/edges_test.cc
  USES mgmt_engine mgmt_frontends)

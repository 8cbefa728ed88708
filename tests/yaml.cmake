# SPDX-License-Identifier: GPL-3.0-or-later
# Graphs as data: a folder a case, see yaml/README.md. The corpus of graphs from the field isn't part of this
# repository; its tests are skipped where it isn't there.
cmake_path(GET CMAKE_SOURCE_DIR PARENT_PATH beside)
set(MGMT_YAML_CORPUS "${beside}/shared/corpus/yaml" CACHE PATH "folder of YAML graphs from the field")
mgmt_test(yaml_cases_test SOURCES yaml/cases_test.cc USES mgmt_frontends fmt::fmt)
target_compile_definitions(yaml_cases_test PRIVATE
  MGMT_YAML_CASES="${CMAKE_CURRENT_SOURCE_DIR}/yaml" MGMT_YAML_CORPUS="${MGMT_YAML_CORPUS}")

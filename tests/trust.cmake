# SPDX-License-Identifier: GPL-3.0-or-later
# What an operator may rely on: a promise a file, see trust/README.md. The guide's page of them is made of their names.
file(GLOB promises CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/trust/*_test.py)
foreach(promise ${promises})
  get_filename_component(name ${promise} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  add_test(NAME trust_${name} COMMAND ${Python3_EXECUTABLE} -B ${promise})
  set_tests_properties(trust_${name} PROPERTIES LABELS "system;trust" TIMEOUT 120 COST 60 SKIP_RETURN_CODE 77
    ENVIRONMENT "MGMT=$<TARGET_FILE:mgmt>;PYTHONPATH=${CMAKE_CURRENT_LIST_DIR}/system")
endforeach()
# The kernel of a machine that sleeps, for rechecked's test.
add_library(asleep MODULE ${CMAKE_CURRENT_LIST_DIR}/system/asleep.c)
target_compile_definitions(asleep PRIVATE _GNU_SOURCE)
set_property(TEST trust_rechecked APPEND PROPERTY ENVIRONMENT "ASLEEP_LIBRARY=$<TARGET_FILE:asleep>")

add_test(NAME safety_page COMMAND ${CMAKE_SOURCE_DIR}/tools/gen-safety --check)
set_tests_properties(safety_page PROPERTIES LABELS system)

# SPDX-License-Identifier: GPL-3.0-or-later
# The real binary: one python file a subject, see system/README.md. Exit status 77 is a skip, which CI refuses.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# mgmt_system_test(NAME SECONDS [HEAVY]): tests/system/NAME_test.py; a heavy one runs alone.
function(mgmt_system_test name seconds)
  cmake_parse_arguments(PARSE_ARGV 2 arg "HEAVY" "" "")
  add_test(NAME system_${name}
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/system/${name}_test.py)
  set_tests_properties(system_${name} PROPERTIES
    LABELS system TIMEOUT ${seconds} SKIP_RETURN_CODE 77 ENVIRONMENT "MGMT=$<TARGET_FILE:mgmt>"
    RUN_SERIAL $<BOOL:${arg_HEAVY}>)
endfunction()

mgmt_system_test(overlap 60)
mgmt_system_test(drift 120 HEAVY)
mgmt_system_test(hands 120)
mgmt_system_test(crash 180 HEAVY)
mgmt_system_test(exchange 180 HEAVY)
mgmt_system_test(few_watches 120)
mgmt_system_test(swap 300 HEAVY)
mgmt_system_test(exit 120)
mgmt_system_test(report 120)
mgmt_system_test(idle 60 HEAVY)
mgmt_system_test(plan 240)
mgmt_system_test(secrets 60)
mgmt_system_test(corpus 60)
mgmt_system_test(examples 180)

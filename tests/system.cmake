# SPDX-License-Identifier: GPL-3.0-or-later
# The real binary: one python file a subject, see system/README.md. Exit status 77 is a skip, which CI refuses.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# mgmt_system_test(NAME SECONDS): tests/system/NAME_test.py. None needs the machine alone. What may take longest begins
# first: most of a long one's time is waiting (an edit is read after 50 ms of rest), which others use.
function(mgmt_system_test name seconds)
  add_test(NAME system_${name}
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/system/${name}_test.py)
  set_tests_properties(system_${name} PROPERTIES
    LABELS system TIMEOUT ${seconds} COST ${seconds} SKIP_RETURN_CODE 77 ENVIRONMENT "MGMT=$<TARGET_FILE:mgmt>")
endfunction()

mgmt_system_test(overlap 60)
mgmt_system_test(drift 120)
mgmt_system_test(hands 120)
mgmt_system_test(crash 180)
mgmt_system_test(refresh 120)
mgmt_system_test(exchange 180)
mgmt_system_test(few_watches 120)
mgmt_system_test(overflow 120)
mgmt_system_test(swap 300)
mgmt_system_test(exit 120)
mgmt_system_test(report 120)
mgmt_system_test(plan 240)
mgmt_system_test(history 120)
mgmt_system_test(who 60)
mgmt_system_test(status 120)
mgmt_system_test(trace 60)
mgmt_system_test(secrets 60)
mgmt_system_test(graph 120)
mgmt_system_test(idle 60)
mgmt_system_test(edges 60)
mgmt_system_test(reverse 120)
mgmt_system_test(corpus 120)
mgmt_system_test(examples 180)
mgmt_system_test(dev 120)
mgmt_system_test(svc 180 HEAVY)

# What svc's tests run in their box.
add_executable(counterd ${CMAKE_CURRENT_LIST_DIR}/system/counterd.c)
target_compile_definitions(counterd PRIVATE _GNU_SOURCE)
target_link_libraries(counterd PRIVATE mgmt_flags)
add_executable(svc_systemd_test ${CMAKE_CURRENT_LIST_DIR}/system/svc_systemd_test.cc)
target_link_libraries(svc_systemd_test PRIVATE mgmt_svc mgmt_dbus mgmt_resources mgmt_test_main)

# What swap_storm's test drives.
add_executable(swapper ${CMAKE_CURRENT_LIST_DIR}/system/swapper.cc)
target_link_libraries(swapper PRIVATE mgmt_engine mgmt_frontends mgmt_views mgmt_state)
mgmt_system_test(swap_storm 120)
set_property(TEST system_swap_storm APPEND PROPERTY ENVIRONMENT "SWAPPER=$<TARGET_FILE:swapper>")

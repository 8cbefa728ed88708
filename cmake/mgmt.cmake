# SPDX-License-Identifier: GPL-3.0-or-later
# The two shapes every folder of src/ uses:
#   mgmt_library(NAME SOURCES a.cc b.cc USES mgmt_base ...)   one folder, one target
#   mgmt_test(NAME SOURCES a_test.cc USES mgmt_name ...)      its unit tests, one ctest entry

add_library(mgmt_flags INTERFACE)
target_compile_options(mgmt_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  # A table row names what it sets; the rest is the default, on purpose.
  -Wno-missing-designated-field-initializers>)
target_compile_definitions(mgmt_flags INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
if(MGMT_WERROR)
  target_compile_options(mgmt_flags INTERFACE -Werror)
endif()
if(MGMT_SANITIZE)
  target_compile_options(mgmt_flags INTERFACE -fsanitize=${MGMT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mgmt_flags INTERFACE -fsanitize=${MGMT_SANITIZE})
endif()
target_link_options(mgmt_flags INTERFACE -fuse-ld=lld)

function(mgmt_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC mgmt_flags ${arg_USES})
endfunction()

function(mgmt_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_USES} GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

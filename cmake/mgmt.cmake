# SPDX-License-Identifier: GPL-3.0-or-later
# The shapes that the folders of src/ use:
#   mgmt_library(NAME SOURCES a.cc b.cc USES mgmt_base ...)   one folder, one target
#   mgmt_test(NAME SOURCES a_test.cc USES mgmt_name ...)      its unit tests, one ctest entry
#   mgmt_module(KIND SOURCES a.cc USES mgmt_kind ...)         lib/mgmt/KIND.so, from OBJECT libraries

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
  target_link_libraries(${name} PRIVATE ${arg_USES} mgmt_test_main)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

function(mgmt_module kind)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  set(name mgmt_module_${kind})
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(header ${generated}/src/resources/${kind}/core_build_id.h)
  add_custom_command(OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:mgmt> -DOBJCOPY=${CMAKE_OBJCOPY} -DHEADER=${header}
            -P ${CMAKE_SOURCE_DIR}/cmake/core_build_id.cmake
    DEPENDS mgmt ${CMAKE_SOURCE_DIR}/cmake/core_build_id.cmake)
  add_library(${name} MODULE ${arg_SOURCES} ${header})
  target_include_directories(${name} PRIVATE ${generated})
  target_link_libraries(${name} PRIVATE mgmt_flags ${arg_USES})
  # Where the program looks: ../lib/mgmt from its own folder, in the build tree as in an installation.
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${kind} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/src/lib/mgmt)
  install(TARGETS ${name} LIBRARY DESTINATION lib/mgmt)
  add_dependencies(modules ${name})
endfunction()

# SPDX-License-Identifier: GPL-3.0-or-later
# The checks of the text that take no time, so that every `./dev test` has them; ./dev lint has the slow ones too.
foreach(check check-layers check-spdx)
  add_test(NAME ${check} COMMAND ${CMAKE_SOURCE_DIR}/tools/${check})
  set_tests_properties(${check} PROPERTIES LABELS system)
endforeach()

# SPDX-License-Identifier: GPL-3.0-or-later
# docs/reference/ is generated, and kept in the repository for those who read it there.
add_test(NAME reference COMMAND ${CMAKE_SOURCE_DIR}/tools/gen-reference --check $<TARGET_FILE:mgmt>)
set_tests_properties(reference PROPERTIES LABELS system)

# SPDX-License-Identifier: GPL-3.0-or-later
# Writes HEADER with the GNU build id of PROGRAM, which a module built for it says: see src/resources/module.h.
set(note ${HEADER}.note)
execute_process(COMMAND ${OBJCOPY} -O binary --only-section=.note.gnu.build-id ${PROGRAM} ${note} COMMAND_ERROR_IS_FATAL ANY)
# A head of 12 bytes, "GNU" and a NUL, the id.
file(READ ${note} id OFFSET 16 HEX)
if(id STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} has no build id")
endif()
file(WRITE ${HEADER} "#pragma once\nnamespace mgmt {\ninline constexpr const char* kCoreBuildId = \"${id}\";\n}\n")

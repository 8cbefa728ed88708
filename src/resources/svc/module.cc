// SPDX-License-Identifier: GPL-3.0-or-later
// What module.h looks for.
#include "src/resources/module.h"

#include "src/resources/svc/asked.h"
#include "src/resources/svc/core_build_id.h"
#include "src/resources/svc/svc.h"

extern "C" {
extern const mgmt::Module mgmt_module;
const mgmt::Module mgmt_module{
    .core_build_id = mgmt::kCoreBuildId, .create = mgmt::make_svc, .answer = mgmt::svc::answer};
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A module of a build that never was, for module_test.cc.
struct module {
  const char* core_build_id;
  void* create;
};
extern const struct module mgmt_module;
const struct module mgmt_module = {"0123456789012345678901234567890123456789", 0};

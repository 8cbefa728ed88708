// SPDX-License-Identifier: GPL-3.0-or-later
// What another host exports: never a crash, and what is understood is written and read again to the same.
#include <cstdlib>

#include "src/resources/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mgmt;
  Result<Declaration> read = wire::decode(std::string_view(reinterpret_cast<const char*>(data), size), "a");
  if (!read) return 0;
  Result<std::string> written = wire::encode(*read);
  if (!written) return 0;  // a secret, which nobody of ours has sent
  Result<Declaration> again = wire::decode(*written, "a");
  if (!again || !same_effect(*read, *again)) std::abort();
  return 0;
}

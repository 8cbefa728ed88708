// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/base/error.h"

#include <cstring>

namespace mgmt {

Error::Error(std::string cause) : text_(std::move(cause)) {}

Error Error::system(int errno_value, const std::string& doing) {
  char buffer[128];
  // The GNU strerror_r returns the text, which need not be in the buffer.
  Error error(doing + ": " + strerror_r(errno_value, buffer, sizeof buffer));
  error.code_ = errno_value;
  return error;
}

Error&& Error::hint(std::string text) && {
  hint_ = std::move(text);
  return std::move(*this);
}

Error&& Error::passing() && {
  passes_ = true;
  return std::move(*this);
}

Error&& Error::because(const std::string& why, const std::string& hint) && {
  text_ += ": " + why;
  if (hint_.empty()) hint_ = hint;
  return std::move(*this);
}

Error&& Error::while_doing(const std::string& what) && {
  text_ = what + ": " + text_;
  return std::move(*this);
}

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
// Error: what went wrong, in words for the person who runs mgmt.
//
//   throw Error("no such user 'wwww'").hint("did you mean 'www'?");
//   throw Error::system(errno, "opening /etc/motd");       // "opening /etc/motd: Permission denied"
//   catch (Error& e) { throw std::move(e).while_doing("copying the tree /srv/a/"); }
#pragma once

#include <exception>
#include <expected>
#include <string>

namespace mgmt {

/// The cause, what was being done (outermost first), and a hint on what to do. Copyable, so that it
/// crosses threads as a value.
class Error : public std::exception {
 public:
  explicit Error(std::string cause);

  /// "doing: <the system's words for errno>".
  static Error system(int errno_value, const std::string& doing);

  Error&& hint(std::string text) &&;
  /// What stands behind it, after the system's words. `hint` counts if there is none yet.
  Error&& because(const std::string& why, const std::string& hint) &&;
  Error&& while_doing(const std::string& what) &&;

  /// One line: "doing: cause".
  const char* what() const noexcept override { return text_.c_str(); }
  const std::string& text() const { return text_; }
  const std::string& hint_text() const { return hint_; }
  /// The errno it came from, 0 if none.
  int code() const { return code_; }
  /// It ends by itself, and no event tells when: worth another try however many there were.
  Error&& passing() &&;
  bool passes() const { return passes_; }

 private:
  std::string text_;
  std::string hint_;
  int code_ = 0;
  bool passes_ = false;
};

/// An expected outcome: a value, or the Error that says why there is none.
template <class T>
using Result = std::expected<T, Error>;

}  // namespace mgmt

// SPDX-License-Identifier: GPL-3.0-or-later
#include "src/async/confine_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace mgmt::confine {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// set_mempolicy_home_node. What came after it was not looked at here: a program is told that there is no such call,
// as on an older kernel. So is every call of the other ABIs, whose numbers are larger.
constexpr std::uint32_t kNewest = 450;

// Not on every architecture.
constexpr int kNone = -1;
#ifndef __NR_chmod
#define __NR_chmod kNone
#define __NR_chown kNone
#define __NR_lchown kNone
#define __NR_utime kNone
#define __NR_utimes kNone
#define __NR_futimesat kNone
#endif
#ifndef __NR_iopl
#define __NR_iopl kNone
#define __NR_ioperm kNone
#endif

constexpr int kForbidden[] = {
    // What is told of a file, which Landlock leaves alone; truncate, for kernels before 6.2.
    __NR_chmod, __NR_fchmod, __NR_fchmodat, __NR_chown, __NR_lchown, __NR_fchown, __NR_fchownat, __NR_utime,
    __NR_utimes, __NR_futimesat, __NR_utimensat, __NR_setxattr, __NR_lsetxattr, __NR_fsetxattr, __NR_removexattr,
    __NR_lremovexattr, __NR_fremovexattr, __NR_truncate,
    // What could undo the place.
    __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_move_mount, __NR_open_tree, __NR_fsopen, __NR_fsconfig,
    __NR_fsmount, __NR_fspick, __NR_mount_setattr, __NR_setns, __NR_unshare, __NR_open_by_handle_at,
    // Other processes; pidfd_getfd and ptrace could borrow what we have open.
    __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd, __NR_kcmp,
    // All that talks: what isn't a network's is a daemon's, D-Bus first.
    __NR_socket,
    // It does what was asked of it past every filter.
    __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register,
    // The kernel's own.
    __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_add_key, __NR_request_key, __NR_keyctl, __NR_init_module,
    __NR_finit_module, __NR_delete_module, __NR_kexec_load, __NR_kexec_file_load, __NR_reboot, __NR_swapon,
    __NR_swapoff, __NR_acct, __NR_quotactl, __NR_quotactl_fd, __NR_syslog, __NR_sethostname, __NR_setdomainname,
    __NR_settimeofday, __NR_clock_settime, __NR_adjtimex, __NR_clock_adjtime, __NR_vhangup, __NR_fanotify_init,
    __NR_iopl, __NR_ioperm, __NR_nfsservctl};

// What asks, and what is about a descriptor alone. Of the others some change a file that is open to be read only
// (chattr), type into a terminal, or tell a device what to do.
constexpr unsigned long kAllowedIoctls[] = {
    TCGETS,       TIOCGWINSZ, TIOCGPGRP, TIOCGSID, TIOCOUTQ,        FIONREAD,          FIONBIO,
    FIOASYNC,     FIOCLEX,    FIONCLEX,  FIGETBSZ, FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_GETVERSION,
    BLKGETSIZE64, BLKSSZGET,  BLKROGET};

constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArch = offsetof(seccomp_data, arch);
// The low half, on a little-endian machine: what all of these arguments have in use.
constexpr std::uint32_t argument(int which) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                    sizeof(std::uint64_t) * static_cast<unsigned>(which));
}

class Program {
 public:
  void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
  void answer(std::uint32_t with) { add(BPF_RET | BPF_K, with, 0, 0); }
  void refuse(int error) { answer(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)); }
  void allow() { answer(SECCOMP_RET_ALLOW); }
  // The next one is jumped over unless what was loaded is equal, greater, or has one of the bits.
  void if_equal(std::uint32_t to) { add(BPF_JMP | BPF_JEQ | BPF_K, to, 0, 1); }
  void if_greater(std::uint32_t than) { add(BPF_JMP | BPF_JGT | BPF_K, than, 0, 1); }
  void if_any(std::uint32_t bits) { add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1); }

  // For one system call: `rest` looks at its arguments, and answers in any case.
  template <class Rest>
  void for_call(int number, Rest rest) {
    std::size_t at = code_.size();
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 0);
    rest();
    code_[at].jf = static_cast<std::uint8_t>(code_.size() - at - 1);
  }

  bool install() {
    sock_fprog program{.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  }

 private:
  void add(int code, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    code_.push_back({.code = static_cast<std::uint16_t>(code), .jt = yes, .jf = no, .k = value});
  }
  std::vector<sock_filter> code_;
};

}  // namespace

bool install_filter() {
  Program program;
  program.load(kArch);
  program.if_equal(kArchitecture);
  program.load(kNumber);  // else the architecture stays loaded, which is larger than any number
  program.if_greater(kNewest);
  program.refuse(ENOSYS);
  for (int number : kForbidden) {
    if (number == kNone) continue;
    program.if_equal(static_cast<std::uint32_t>(number));
    program.refuse(EPERM);
  }
  // Its flags lie in memory, where no filter can look; without it, programs use clone.
  program.if_equal(__NR_clone3);
  program.refuse(ENOSYS);
  program.for_call(__NR_clone, [&] {
    program.load(argument(0));
    program.if_any(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                   CLONE_NEWNET);
    program.refuse(EPERM);
    program.allow();
  });
  program.for_call(__NR_ioctl, [&] {
    program.load(argument(1));
    for (unsigned long request : kAllowedIoctls) {
      program.if_equal(static_cast<std::uint32_t>(request));
      program.allow();
    }
    program.refuse(EPERM);
  });
  // Of all processes of a user, those outside included.
  program.for_call(__NR_setpriority, [&] {
    program.load(argument(0));
    program.if_equal(PRIO_USER);
    program.refuse(EPERM);
    program.allow();
  });
  constexpr std::uint32_t kIoprioWhoUser = 3;
  program.for_call(__NR_ioprio_set, [&] {
    program.load(argument(0));
    program.if_equal(kIoprioWhoUser);
    program.refuse(EPERM);
    program.allow();
  });
  program.for_call(__NR_prctl, [&] {
    program.load(argument(0));
    program.if_equal(kQuestion);
    program.refuse(kAnswer);
    program.allow();
  });
  program.allow();
  return program.install();
}

}  // namespace mgmt::confine

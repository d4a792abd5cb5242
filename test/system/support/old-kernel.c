/*
 * Runs a program in a root, under what Linux 4.9 knew of system calls: later ones are answered with
 * ENOSYS, as that kernel would. Arguments: the root, the program, its arguments.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* pkey_free was the last one of 4.9; statx, of 4.11, follows it in both tables. */
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which system calls Linux 4.9 had here stands nowhere"
#endif

int main(int count, char **words)
{
    struct sock_filter refuse[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_pkey_free, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof refuse / sizeof *refuse, refuse };

    if (count < 3 || chroot(words[1]) != 0 || chdir("/") != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("old-kernel");
        return 125;
    }
    if (syscall(SYS_statx, -1, "", 0, 0, NULL) != -1 || errno != ENOSYS) {
        fputs("old-kernel: statx was not refused\n", stderr);
        return 125;
    }
    execv(words[2], words + 2);
    perror(words[2]);
    return 127;
}

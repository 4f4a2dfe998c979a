/* Starts other programs, without a shell, and ends them: each in a process group of its own, and none outlives us. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

/* Ctrl-C is for us: who gets it from the terminal would print where it was. */
static _Noreturn void become(const char *const *words, const int files[3], const char *temporary, const sigset_t *mask, pid_t parent)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < COUNT(handled); i++)
        signal(handled[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    const bool fine = getppid() == parent && (!temporary || setenv("TMPDIR", temporary, 1) == 0);
    if (fine && dup2(files[0], 0) == 0 && dup2(files[1], 1) == 1 && dup2(files[2], 2) == 2)
        execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

/* Signals wait meanwhile: our handlers remove our files, and the child still has them. */
pid_t child_begin(const char *const *words, const int files[3], const char *temporary, const sigset_t *mask)
{
    const pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    fflush(NULL);
    sigprocmask(SIG_BLOCK, &all, &before);
    const pid_t child = fork();
    if (child == 0)
        become(words, files, temporary, mask ? mask : &before, parent);
    const int reason = errno;
    if (child > 0)
        setpgid(child, child);       /* it does so, too; who is first does not matter */
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return child;
}

void child_kill(pid_t child)
{
    kill(-child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

enum { PATH_BYTES_MAX = 4096 };

void process_keep_secrets_in(void)
{
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none))
        log_line(LOG_LEVEL_WARNING, "core files cannot be forbidden, going on",
                 LOG_TEXT("reason", strerror(errno)));
}

enum error_code process_fill_standard(struct error *err)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest that is free: all below it are open. For children ours are replaced. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return error_set(err, ERR_SYSTEM, "descriptor %d is closed and /dev/null is not there",
                             fd);
    }
    return ERR_OK;
}

void process_raise_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files))
            log_line(LOG_LEVEL_WARNING, "the number of descriptors cannot be raised, going on",
                     LOG_TEXT("reason", strerror(errno)));
    }
}

/* libuv gives look-ups half of its pool, which is of 4 threads: two clusters whose names hung, for 10
 * to 20 s each, kept every other name waiting. Of so many half are 16; what hangs for longer opens
 * its cluster's breaker, and asks seldom. */
void process_widen_pool(void)
{
    setenv("UV_THREADPOOL_SIZE", "32", 0);
}

enum error_code process_write_port(const char *path, unsigned port, struct error *err)
{
    char beside[PATH_BYTES_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid()) >= sizeof beside)
        return error_set(err, ERR_USAGE, "the name of the port file is too long");
    FILE *file = fopen(beside, "we");
    if (!file)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", beside, strerror(errno));
    bool failed = fprintf(file, "%u\n", port) < 0;
    failed = fclose(file) != 0 || failed;
    if (!failed && rename(beside, path) == 0)
        return ERR_OK;
    error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerror(errno));
    unlink(beside);
    return ERR_SYSTEM;
}

#include "cluster/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { FIRST_FREE = 3 }; /* descriptors below it are the program's own three */

/* It asks the kernel to kill it with the thread that started it, and then becomes the program:
 * posix_spawn() has no word for that. */
static const char *const keeper_arguments[] = {"setpriv", "--pdeathsig", "KILL", "--"};
enum { KEEPER_ARGUMENTS = sizeof keeper_arguments / sizeof keeper_arguments[0] };

void spawn_ends_close(struct spawn_ends *ends)
{
    if (ends->input >= 0)
        close(ends->input);
    if (ends->output >= 0)
        close(ends->output);
    if (ends->errors >= 0)
        close(ends->errors);
}

int spawn_pipe(uv_pipe_t *handle, bool program_reads, int *ret)
{
    uv_file pair[2]; /* to read from, to write to */
    int code =
        uv_pipe(pair, program_reads ? 0 : UV_NONBLOCK_PIPE, program_reads ? UV_NONBLOCK_PIPE : 0);
    if (code)
        return code;
    int theirs = pair[program_reads ? 0 : 1];
    int ours = pair[program_reads ? 1 : 0];
    *ret =
        fcntl(theirs, F_DUPFD_CLOEXEC, FIRST_FREE); /* not below, where it would be overwritten */
    code = *ret < 0 ? uv_translate_sys_error(errno) : uv_pipe_open(handle, ours);
    close(theirs);
    if (code)
        close(ours);
    return code;
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct process_spec *spec,
                       const struct spawn_ends *ends)
{
    int code =
        ends->input >= 0
            ? posix_spawn_file_actions_adddup2(actions, ends->input, STDIN_FILENO)
            : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_adddup2(actions, ends->output, STDOUT_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(actions, ends->errors, STDERR_FILENO);
    if (!code)
        code = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FREE);
    if (!code)
        code =
            posix_spawn_file_actions_addchdir_np(actions, spec->directory ? spec->directory : "/");
    return code;
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    CHECK(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF) == 0);
    CHECK(posix_spawnattr_setsigmask(attributes, &none) == 0);
    CHECK(posix_spawnattr_setsigdefault(attributes, &all) == 0);
}

/* 0, or an errno. posix_spawn() says so too, but not under every tool that watches a program. */
static int look_at(const char *program)
{
    struct stat found;
    if (stat(program, &found))
        return errno;
    if (!S_ISREG(found.st_mode))
        return EACCES;
    return access(program, X_OK) ? errno : 0;
}

/* Owned by the caller; the texts are borrowed. */
static char **kept_arguments(const struct process_spec *spec)
{
    size_t count = 0;
    while (spec->arguments[count])
        count++;
    const char **ret = mem_alloc(KEEPER_ARGUMENTS + count + 1, sizeof *ret);
    for (size_t i = 0; i < KEEPER_ARGUMENTS; i++)
        ret[i] = keeper_arguments[i];
    ret[KEEPER_ARGUMENTS] = spec->program;
    for (size_t i = 1; i < count; i++)
        ret[KEEPER_ARGUMENTS + i] = spec->arguments[i];
    return (char **)(uintptr_t)ret;
}

int spawn_program(const struct process_spec *spec, const struct spawn_ends *ends, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = look_at(spec->program);
    if (!code && look_at(SPAWN_KEEPER))
        code = ENOSYS;
    if (code)
        return code;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawnattr_init(&attributes) == 0);
    set_attributes(&attributes);
    AUTO_FREE char **arguments = kept_arguments(spec);
    code = set_actions(&actions, spec, ends);
    if (!code)
        code = posix_spawn(ret, SPAWN_KEEPER, &actions, &attributes, arguments,
                           (char *const *)(uintptr_t)spec->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* child.h - runs the whole program in a child process and keeps what it said. */
#ifndef TESTS_CLI_CHILD_H
#define TESTS_CLI_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/main_table.h"

enum { CHILD_TEXT_MAX = 256 * 1024, CHILD_ARGS_MAX = 32 };

static char child_out[CHILD_TEXT_MAX]; /* of the last child: standard output and error */
static char child_err[CHILD_TEXT_MAX];

static inline void child_read(int fd, char *text)
{
    ssize_t length = pread(fd, text, CHILD_TEXT_MAX - 1, 0);
    text[length < 0 ? 0 : length] = 0;
    close(fd);
}

/* In the child. A test's child is no program of its own: what cmocka holds is not its leak. */
static inline void child_main(char **args, int argc, int out, int err)
{
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    int status = cli_main(argc, args);
    fflush(stdout);
    fflush(stderr);
    _exit(status);
}

/* Starts `curfew` with the words after it (NULL ends them). */
static inline pid_t child_start(int out, int err, char **args, int argc)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_main(args, argc, out, err);
    return pid;
}

/* Waits: the exit status, or 128 + the signal. */
static inline int child_wait(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A configuration of its own: `path` is a mkstemp() template, and the caller removes the file. */
static inline void child_config(char *path, const char *text)
{
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

/* Runs `curfew` with the words of one line, split at blanks; `@` stands for a blank. */
static inline int child_run(const char *line)
{
    char words[4096];
    char *args[CHILD_ARGS_MAX + 1] = {(char[]){"curfew"}};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word && argc < CHILD_ARGS_MAX; word = strtok(NULL, " ")) {
        for (char *at = word; *at; at++)
            *at = *at == '@' ? ' ' : *at;
        args[argc++] = word;
    }
    int out = memfd_create("out", 0), err = memfd_create("err", 0);
    int status = child_wait(child_start(out, err, args, argc));
    child_read(out, child_out);
    child_read(err, child_err);
    return status;
}

#endif

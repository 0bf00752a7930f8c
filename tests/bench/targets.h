/* targets.h - the file of sessions to be ended that every program of the bench reads: one
 * `cluster uuid` a line, in the order in which they are asked for. */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/uuid.h"

struct bench_target {
    const char *cluster; /* equal names share one pointer as long as they stand together */
    struct uuid session;
};

struct bench_targets {
    struct bench_target *at; /* owned; lives until the process ends */
    size_t count;
};

#define bench_die(...)                                                                             \
    do {                                                                                           \
        fprintf(stderr, "bench: " __VA_ARGS__);                                                    \
        fputc('\n', stderr);                                                                       \
        exit(1);                                                                                   \
    } while (0)

static inline double bench_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static inline struct bench_targets bench_targets_read(const char *path)
{
    struct bench_targets ret = {0};
    size_t size = 0;
    char line[LIMIT_NAME_BYTES + 64];
    FILE *file = fopen(path, "re");
    if (!file)
        bench_die("cannot open '%s'", path);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *uuid = strchr(line, ' ');
        if (!uuid)
            bench_die("'%s': no target in '%s'", path, line);
        *uuid++ = 0;
        if (ret.count == size) {
            size = size ? 2 * size : 1024;
            ret.at = mem_resize(ret.at, size, sizeof *ret.at);
        }
        struct bench_target *target = &ret.at[ret.count];
        const char *before = ret.count ? target[-1].cluster : "";
        target->cluster = strcmp(before, line) == 0 ? before : mem_text(line, strlen(line));
        if (uuid_read(text_of(uuid), &target->session, NULL))
            bench_die("'%s': '%s' is no UUID", path, uuid);
        ret.count++;
    }
    fclose(file);
    return ret;
}

#endif

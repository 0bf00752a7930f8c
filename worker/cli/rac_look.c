#include "cli/rac_look.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cluster/process.h"
#include "cluster/rac/version.h"

enum { OUTPUT_BYTES = 4096, KILL_AFTER_MS = 1000 };

struct look {
    const struct config_cluster *cluster;
    char *ret;
    struct error *err;
    enum error_code code;
};

static void on_ended(void *self, const struct process_result *result)
{
    struct look *look = self;
    const char *program = look->cluster->rac.program;
    struct rac_version version;
    struct text line = result->output;
    const char *end = line.length ? memchr(line.at, '\n', line.length) : NULL;
    if (end)
        line.length = (size_t)(end - line.at);
    if (result->code) {
        look->code = error_set(look->err, ERR_UNAVAILABLE, "%s", result->error.message);
    } else if (rac_version_read(line, &version, NULL)) {
        look->code = error_set(look->err, ERR_CONFIG,
                               "'%s --version' does not tell a version like 8.3.21.1895 (exit "
                               "status %d)",
                               program, result->status);
    } else {
        AUTO_BUF printable;
        buf_init(&printable, RAC_LOOK_SIZE - 1);
        while (line.length && strchr("\r ", line.at[line.length - 1]))
            line.length--;
        text_printable(&printable, line);
        snprintf(look->ret, RAC_LOOK_SIZE, "%s", buf_text(&printable));
        look->code = ERR_OK;
    }
}

enum error_code rac_look(const struct config_cluster *cluster, int64_t timeout_ms,
                         char ret[RAC_LOOK_SIZE], struct error *err)
{
    uv_loop_t loop;
    struct clock clock = clock_real();
    struct process *process;
    struct look look = {cluster, ret, err, ERR_OK};
    const char *const arguments[] = {"rac", "--version", NULL};
    const struct config_map *given = &cluster->rac.environment;
    AUTO_FREE char **environment = mem_alloc(given->count + 1, sizeof *environment);
    for (size_t i = 0; i < given->count; i++)
        CHECK(asprintf(&environment[i], "%s=%s", given->items[i].name, given->items[i].value) >= 0);
    const struct process_spec spec = {
        .program = cluster->rac.program,
        .arguments = arguments,
        .environment = (const char *const *)environment,
        .output_max = OUTPUT_BYTES,
        .errors_max = OUTPUT_BYTES,
        .deadline = instant_add_ms(clock_now(&clock), timeout_ms),
        .grace_ms = KILL_AFTER_MS,
    };
    CHECK(uv_loop_init(&loop) == 0);
    enum error_code code = process_start(&loop, clock, &spec, on_ended, &look, &process, err);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
    for (size_t i = 0; i < given->count; i++)
        free(environment[i]);
    return code ? code : look.code;
}

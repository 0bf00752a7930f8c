#include "cli/finding.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const labels[] = {
    [FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail"};

void findings_release(struct findings *findings)
{
    free(findings->at);
    *findings = (struct findings){0};
}

static void put_printable(char *ret, size_t size, const char *text)
{
    AUTO_BUF printable;
    buf_init(&printable, 10 * FINDING_TEXT_MAX);
    text_printable(&printable, text_of(text));
    snprintf(ret, size, "%s", buf_text(&printable));
}

const struct finding *findings_add(struct findings *findings, const char *check,
                                   enum finding_state state, enum error_code code, const char *todo,
                                   const char *format, ...)
{
    char text[FINDING_TEXT_MAX];
    va_list list;
    CHECK(findings->count < FINDINGS_MAX);
    CHECK(state == FINDING_OK || (todo && todo[0])); /* whoever is warned is told what to do */
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    findings->at = mem_resize(findings->at, findings->count + 1, sizeof *findings->at);
    struct finding *finding = &findings->at[findings->count++];
    *finding = (struct finding){.state = state, .code = code};
    put_printable(finding->check, sizeof finding->check, check);
    put_printable(finding->found, sizeof finding->found, text);
    put_printable(finding->todo, sizeof finding->todo, todo ? todo : "");
    return finding;
}

void finding_print(const struct finding *finding, struct say *say)
{
    static const enum paint paints[] = {
        [FINDING_OK] = PAINT_GOOD, [FINDING_WARN] = PAINT_WARN, [FINDING_FAIL] = PAINT_BAD};
    say_line(say, "%s%-4s%s  %-16s %s", say_on(say, paints[finding->state]), labels[finding->state],
             say_off(say), finding->check, finding->found);
    if (finding->todo[0])
        say_line(say, "      %-16s -> %s", "", finding->todo);
}

void findings_json(const struct findings *findings, FILE *to)
{
    json_t *all = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->at[i];
        json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "check", finding->check, "state",
                                 labels[finding->state], "found", finding->found, "todo",
                                 finding->todo[0] ? finding->todo : NULL, "error",
                                 finding->code ? error_label(finding->code) : NULL);
        CHECK(json);
        json_array_append_new(all, json);
    }
    json_dumpf(all, to, JSON_COMPACT);
    fputc('\n', to);
    json_decref(all);
}

int findings_exit_status(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->at[i].state != FINDING_FAIL)
            continue;
        int status = error_exit_status(findings->at[i].code);
        return status ? status : 1;
    }
    return 0;
}

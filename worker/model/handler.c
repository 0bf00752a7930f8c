#include "model/handler.h"

#include <stdlib.h>

#include "base/check.h"

const char *handler_mode_label(enum handler_mode mode)
{
    static const char *const labels[HANDLER_MODES] = {
        [HANDLER_UNSAID] = "none",   [HANDLER_NONE] = "none",   [HANDLER_INSTEAD] = "instead",
        [HANDLER_BEFORE] = "before", [HANDLER_AFTER] = "after",
    };
    CHECK((unsigned)mode < HANDLER_MODES);
    return labels[mode];
}

const char *handler_result_label(enum handler_result result)
{
    static const char *const labels[HANDLER_RESULTS] = {
        [HANDLER_SAYS_NOTHING] = "nothing", [HANDLER_SAYS_ENDED] = "ended",
        [HANDLER_SAYS_LEFT] = "left",       [HANDLER_SAYS_FAILED] = "failed",
        [HANDLER_SAYS_SKIPPED] = "skipped",
    };
    CHECK((unsigned)result < HANDLER_RESULTS);
    return labels[result];
}

void handler_answer_release(struct handler_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++)
        free(answer->words[i].message);
    free(answer->words);
    *answer = (struct handler_answer){0};
}

#include "model/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

struct command *command_create(void)
{
    return command_create_for(256);
}

struct command *command_create_for(size_t bytes)
{
    struct arena *arena =
        arena_create_for(LIMIT_COMMAND_DECODE_BYTES, sizeof(struct command) + bytes);
    struct command *command = arena_take(arena, 1, sizeof *command);
    CHECK(command);
    command->arena = arena;
    command->requested_by = command->reason = command->correlation_id = "";
    command->reply_topic = command->cluster = command->infobase = command->resolved_digest = "";
    command->selector.infobase = "";
    command->selector.guard.user = command->selector.guard.application = "";
    command->options.message = "";
    return command;
}

void command_destroy(struct command *command)
{
    if (command)
        arena_destroy(command->arena);
}

const struct guard *selector_guard(const struct selector *selector, uint32_t number)
{
    for (size_t i = 0; selector->guards && i < selector->count; i++)
        if (selector->numbers[i] == number)
            return &selector->guards[i];
    return &selector->guard;
}

struct named {
    struct uuid session; /* nil by number */
    uint32_t number;     /* 0 by UUID */
    uint32_t place;
};

static int by_name(const struct named *left, const struct named *right)
{
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return memcmp(&left->session, &right->session, sizeof left->session);
}

static int by_name_and_place(const void *a, const void *b)
{
    const struct named *left = a;
    const struct named *right = b;
    int order = by_name(left, right);
    return order ? order : (left->place > right->place) - (left->place < right->place);
}

/* Sorted: to look through all before it for each of LIMIT_TARGETS takes the loop a tenth of a
 * second, whenever the command's records are read. */
bool *selector_repeats(const struct selector *selector)
{
    if (selector->count < 2) /* nearly every command */
        return NULL;
    bool *again = mem_alloc(selector->count, sizeof *again);
    struct named *all = mem_alloc(selector->count, sizeof *all);
    for (size_t i = 0; i < selector->count; i++) {
        all[i].place = (uint32_t)i;
        if (selector->kind == SELECTOR_NUMBERS)
            all[i].number = selector->numbers[i];
        else
            all[i].session = selector->sessions[i];
    }
    qsort(all, selector->count, sizeof *all, by_name_and_place);
    for (size_t i = 1; i < selector->count; i++)
        again[all[i].place] = by_name(&all[i - 1], &all[i]) == 0;
    free(all);
    return again;
}

const char *origin_label(enum origin origin)
{
    static const char *const labels[ORIGIN_COUNT] = {"", "user_request", "remote", "application",
                                                     "policy"};
    CHECK((unsigned)origin < ORIGIN_COUNT);
    return labels[origin];
}

const char *action_label(enum action action)
{
    static const char *const labels[ACTION_COUNT] = {"none",        "terminate",    "drain",
                                                     "restore",     "cancel",       "approve",
                                                     "kill_switch", "accept_topics"};
    CHECK((unsigned)action < ACTION_COUNT);
    return labels[action];
}

/* gen.h - random values from one seed, for tests that try what nobody thought of.
 *
 * The same seed makes the same values. A failing test prints its seed; CURFEW_TEST_SEED=n runs that
 * one again. Only the standard library and worker/model are used. */
#ifndef TESTS_GEN_H
#define TESTS_GEN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "model/command.h"

struct gen {
    uint64_t state;
};

/* splitmix64 (Sebastiano Vigna, public domain). */
static inline uint64_t gen_next(struct gen *gen)
{
    uint64_t z = gen->state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* 0 .. below-1 */
static inline uint64_t gen_below(struct gen *gen, uint64_t below)
{
    return gen_next(gen) % below;
}

static inline bool gen_chance(struct gen *gen, unsigned percent)
{
    return gen_below(gen, 100) < percent;
}

/* The seeds to run: one from the environment, or `count` from 1. */
struct gen_seeds {
    uint64_t first;
    uint64_t behind;
};

static inline struct gen_seeds gen_seeds(uint64_t count)
{
    const char *wanted = getenv("CURFEW_TEST_SEED");
    uint64_t one;
    if (wanted && !text_u64(text_of(wanted), UINT64_MAX - 1, &one, NULL))
        return (struct gen_seeds){one, one + 1};
    return (struct gen_seeds){1, count + 1};
}

/* Numbers of every length, the ends of the range among them. */
static inline uint64_t gen_number(struct gen *gen, uint64_t max)
{
    if (gen_chance(gen, 10))
        return max;
    unsigned bits = (unsigned)gen_below(gen, 64);
    uint64_t value = gen_next(gen) >> bits;
    return value > max ? value % max : value;
}

/* Valid UTF-8 without NUL: letters, quotes, control characters, Cyrillic, an emoji. */
static inline const char *gen_text(struct gen *gen, struct arena *arena, size_t max)
{
    static const char *const pieces[] = {"a",  "B",  "7",      " ",      "\"",         "\\",
                                         "/",  "\n", "\x01",   "\x7f",   "Ж",          "ё",
                                         "\t", "%",  "\u2028", "\u202e", "\U0001F512", "{"};
    AUTO_BUF text;
    buf_init(&text, max);
    size_t count = gen_chance(gen, 5) ? max : gen_below(gen, 12);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[gen_below(gen, sizeof pieces / sizeof pieces[0])];
        if (text.length + strlen(piece) <= max)
            buf_str(&text, piece);
    }
    return arena_text(arena, text_of(buf_text(&text)));
}

static inline struct uuid gen_uuid(struct gen *gen)
{
    struct uuid ret;
    for (size_t i = 0; i < sizeof ret.bytes; i++)
        ret.bytes[i] = (uint8_t)gen_next(gen);
    ret.bytes[0] |= 1; /* never nil */
    return ret;
}

static inline struct wall gen_wall(struct gen *gen)
{
    const uint64_t last_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    if (gen_chance(gen, 20))
        return (struct wall){0};
    return (struct wall){(int64_t)(1 + gen_number(gen, last_ms - 1))};
}

static inline int64_t gen_duration_ms(struct gen *gen)
{
    return gen_chance(gen, 40) ? 0 : (int64_t)gen_number(gen, 366ULL * 86400 * 1000);
}

static inline struct server_time gen_server_time(struct gen *gen)
{
    if (gen_chance(gen, 40))
        return (struct server_time){0};
    if (gen_chance(gen, 10))
        return (struct server_time){gen_chance(gen, 50) ? 1 : SERVER_TIME_LAST};
    return (struct server_time){1 + (int64_t)gen_number(gen, SERVER_TIME_LAST - 1)};
}

static inline struct filter *gen_filter(struct gen *gen, struct arena *arena, unsigned depth)
{
    struct filter *filter = arena_take(arena, 1, sizeof *filter);
    filter->kind = (enum filter_kind)gen_below(gen, FILTER_CONDITION + 1);
    if (depth >= 5 && filter->kind != FILTER_NONE)
        filter->kind = FILTER_CONDITION;
    if (filter->kind == FILTER_CONDITION) {
        filter->field = gen_text(gen, arena, LIMIT_NAME_BYTES);
        filter->comparison = (enum comparison)(1 + gen_below(gen, COMPARISON_COUNT - 1));
        filter->value_count = gen_below(gen, 4);
        filter->values = arena_take(arena, filter->value_count, sizeof filter->values[0]);
        for (size_t i = 0; i < filter->value_count; i++)
            filter->values[i] = gen_text(gen, arena, LIMIT_NAME_BYTES);
    } else if (filter->kind != FILTER_NONE) {
        filter->child_count = filter->kind == FILTER_NOT ? 1 : gen_below(gen, 4);
        filter->children = arena_take(arena, filter->child_count, sizeof filter->children[0]);
        for (size_t i = 0; i < filter->child_count; i++)
            filter->children[i] = gen_filter(gen, arena, depth + 1);
    }
    return filter;
}

static inline void gen_guard(struct gen *gen, struct arena *arena, struct guard *guard)
{
    guard->user = gen_text(gen, arena, LIMIT_NAME_BYTES);
    guard->application = gen_text(gen, arena, LIMIT_NAME_BYTES);
    guard->started_at = gen_server_time(gen);
}

/* One for all, or one for each. */
static inline void gen_guards(struct gen *gen, struct arena *arena, struct selector *selector)
{
    if (!selector->count || gen_chance(gen, 50)) {
        gen_guard(gen, arena, &selector->guard);
        return;
    }
    selector->guard.user = selector->guard.application = "";
    selector->guards = arena_take(arena, selector->count, sizeof selector->guards[0]);
    for (size_t i = 0; i < selector->count; i++)
        gen_guard(gen, arena, &selector->guards[i]);
}

static inline void gen_selector(struct gen *gen, struct arena *arena, struct selector *selector)
{
    selector->kind = (enum selector_kind)gen_below(gen, SELECTOR_FILTER + 1);
    size_t count = gen_below(gen, 6);
    if (selector->kind == SELECTOR_SESSIONS) {
        selector->count = count;
        selector->sessions = arena_take(arena, count, sizeof selector->sessions[0]);
        for (size_t i = 0; i < count; i++)
            selector->sessions[i] = gen_uuid(gen);
    } else if (selector->kind == SELECTOR_NUMBERS) {
        selector->count = count;
        selector->numbers = arena_take(arena, count, sizeof selector->numbers[0]);
        for (size_t i = 0; i < count; i++)
            selector->numbers[i] = (uint32_t)gen_number(gen, UINT32_MAX);
        selector->infobase = gen_text(gen, arena, LIMIT_NAME_BYTES);
        gen_guards(gen, arena, selector);
    } else if (selector->kind == SELECTOR_FILTER) {
        selector->filter = gen_filter(gen, arena, 1);
    }
}

static inline void gen_options(struct gen *gen, struct arena *arena, struct options *options)
{
    options->grace_ms = gen_duration_ms(gen);
    options->message = gen_text(gen, arena, LIMIT_TEXT_BYTES);
    options->dry_run = gen_chance(gen, 50);
    options->until_empty = gen_chance(gen, 50);
    options->disconnect_connections = gen_chance(gen, 50);
    options->interrupt_calls = gen_chance(gen, 50);
    options->max_targets = (uint32_t)gen_number(gen, UINT32_MAX);
    options->standard_processing =
        (enum standard_processing)gen_below(gen, STANDARD_PROCESSING_OFF + 1);
    options->exclude = gen_chance(gen, 30) ? gen_filter(gen, arena, 1) : NULL;
}

static inline void gen_action(struct gen *gen, struct command *command)
{
    struct arena *arena = command->arena;
    command->action = (enum action)gen_below(gen, ACTION_COUNT);
    switch (command->action) {
    case ACTION_TERMINATE:
        gen_selector(gen, arena, &command->selector);
        gen_options(gen, arena, &command->options);
        break;
    case ACTION_DRAIN:
        command->infobase = gen_text(gen, arena, LIMIT_NAME_BYTES);
        command->hold_ms = gen_duration_ms(gen);
        command->drain_deadline_ms = gen_duration_ms(gen);
        command->keep_jobs = gen_chance(gen, 50);
        gen_options(gen, arena, &command->options);
        break;
    case ACTION_RESTORE:
        command->infobase = gen_text(gen, arena, LIMIT_NAME_BYTES);
        break;
    case ACTION_APPROVE:
        command->resolved_digest = gen_text(gen, arena, 64);
        command->other_id = gen_uuid(gen);
        break;
    case ACTION_CANCEL:
        command->other_id = gen_uuid(gen);
        break;
    case ACTION_KILL_SWITCH:
        command->kill_switch_engaged = gen_chance(gen, 50);
        break;
    case ACTION_ACCEPT_TOPICS:
        command->accept_topics.partitions_before = (int32_t)gen_below(gen, 100);
        command->accept_topics.partitions = (int32_t)gen_below(gen, 100);
        command->accept_topics.digest_count = gen_below(gen, 4);
        command->accept_topics.last_digests =
            arena_take(arena, command->accept_topics.digest_count, sizeof(const char *));
        for (size_t i = 0; i < command->accept_topics.digest_count; i++)
            command->accept_topics.last_digests[i] = gen_text(gen, arena, 64);
        break;
    case ACTION_NONE:
    case ACTION_COUNT:
        break;
    }
}

/* Any command that decoders take; sense it need not make. */
static inline struct command *gen_command(struct gen *gen)
{
    struct command *command = command_create();
    struct arena *arena = command->arena;
    command->id = gen_uuid(gen);
    command->requested_at = gen_wall(gen);
    command->expires_at = gen_wall(gen);
    command->requested_by = gen_text(gen, arena, LIMIT_NAME_BYTES);
    command->origin = (enum origin)gen_below(gen, ORIGIN_COUNT);
    command->reason = gen_text(gen, arena, LIMIT_TEXT_BYTES);
    command->correlation_id = gen_text(gen, arena, LIMIT_NAME_BYTES);
    command->reply_topic = gen_text(gen, arena, LIMIT_NAME_BYTES);
    command->cluster = gen_text(gen, arena, LIMIT_NAME_BYTES);
    gen_action(gen, command);
    return command;
}

#endif

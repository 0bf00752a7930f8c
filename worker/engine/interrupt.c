/* A session whose end was sent and that stays listed may be held by its running server call. When
 * that is asked for, and half of the time for verification is over, the call is interrupted: once,
 * under a licence of its own, while a fresh list shows the session unchanged. */
#include "engine/interrupt.h"

#include "engine/common.h"

static bool is_stuck(const struct engine *engine, const struct target *target, struct instant now)
{
    if (target->outcome != TARGET_NONE || target->work != WORK_SENT || target->interrupted)
        return false;
    bool seen_since = instant_before(target->since, target->seen);
    bool fresh = instant_ms_between(target->seen, now) < engine->config.identity_max_age_ms;
    return seen_since && fresh &&
           instant_passed(now, instant_add_ms(target->since, engine->config.verify_ms / 2));
}

static void send_interrupt(struct engine *engine, struct open *open, uint32_t index)
{
    struct target *target = &open->targets[index];
    struct engine_action *action = engine_act(engine, ENGINE_INTERRUPT);
    action->tag = (open->serial << TARGET_BITS) | index;
    action->cluster = open->cluster->name;
    action->session = target->identity.uuid;
    action->message = open->command->options.message;
    action->send_by = engine_send_by(engine, open->interrupt_until, target->seen);
    target->interrupted = true;
}

static void append_license(struct engine *engine, struct open *open, struct instant now)
{
    struct record *record = engine_record_about(open, RECORD_ATTEMPT);
    record->attempt.act = ACT_INTERRUPT;
    record->attempt.attempt = open->attempt + 1;
    record->attempt.targets = mem_alloc(open->target_count, sizeof record->attempt.targets[0]);
    for (uint32_t i = 0; i < open->target_count; i++)
        if (is_stuck(engine, &open->targets[i], now))
            record->attempt.targets[record->attempt.count++] = i;
    open->pending |= PENDING_ATTEMPT;
    engine_append(engine, record, now);
}

void interrupt_step(struct engine *engine, struct open *open, struct instant now)
{
    bool wants_licence = false;
    if (!open->command->options.interrupt_calls || engine->halted || open_holds_fire(engine, open))
        return;
    if (!engine_control_is_fresh(engine, now))
        return; /* engine_control_seen() comes back to it */
    for (uint32_t i = 0; i < open->target_count; i++) {
        if (!is_stuck(engine, &open->targets[i], now))
            continue;
        if (open->targets[i].interrupt_licensed && instant_before(now, open->interrupt_until))
            send_interrupt(engine, open, i);
        else
            wants_licence = true;
    }
    if (wants_licence && !(open->pending & PENDING_ATTEMPT))
        append_license(engine, open, now);
}

void interrupt_licensed(struct open *open, const struct record *record, struct instant until)
{
    open->interrupt_until = until;
    for (uint32_t i = 0; i < open->target_count; i++)
        open->targets[i].interrupt_licensed = false;
    for (uint32_t i = 0; i < record->attempt.count; i++)
        if (record->attempt.targets[i] < open->target_count)
            open->targets[record->attempt.targets[i]].interrupt_licensed = true;
}

bool interrupt_allows(const struct engine *engine, const struct open *open, uint32_t index)
{
    return index < open->target_count && open->targets[index].work == WORK_SENT &&
           open->targets[index].interrupt_licensed && !engine->halted &&
           !open_holds_fire(engine, open) && engine_may_act(engine);
}

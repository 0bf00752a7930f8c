/* Operators' own programs: they do as they say, or lie, fail, hang, die in the middle, and outlive
 * the worker that started them. Each acts on its own time; only its own worker can end it. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "oracle.h"
#include "worker.h"

enum { RUN_MS = 400, HANG_MS = 3000, PLACES_TAKEN_PERCENT = 8 };

enum behaviour {
    BEHAVES, /* ends all and says so */
    DIFFERS, /* from target to target, and truly said; or not */
    DIES,    /* after some; nothing is known */
    HANGS,   /* after some; its worker ends it */
    BABBLES, /* does its work, and its answer is not understood */
    BEHAVIOURS
};

struct deed {     /* what is done to one target */
    int64_t send; /* the oracle's number; -1: mode AFTER */
    struct uuid session;
    enum handler_result word;
    bool ends;   /* the program ends it */
    bool leaves; /* the user goes by himself meanwhile */
};

/* One program at work. The world owns it until it is over and nothing refers to it. */
struct program {
    int32_t worker;
    uint32_t life;
    int32_t partition;
    int32_t cluster;
    uint32_t generation;
    uint64_t tag;
    enum behaviour behaviour;
    bool after;
    bool standard_processing;
    bool over;          /* ended, or was ended: it does nothing any more */
    struct deed *deeds; /* owned */
    uint32_t count;
};

struct step { /* a task's share of a program */
    struct program *program;
    uint32_t deed;
};

/* ---- the rule of the engine's configuration ---- */

void choose_handlers(const struct plan *plan, const struct command *command, struct resolution *ret)
{
    static const enum handler_mode modes[] = {HANDLER_INSTEAD, HANDLER_BEFORE, HANDLER_AFTER};
    if (command->id.bytes[5] * 100u / 256 >= plan->handlers)
        return;
    for (size_t i = 0; i < ret->count; i++) {
        struct resolved_row *row = &ret->rows[i];
        row->handler = modes[command->id.bytes[6] % 3];
        if (row->session && row->session->number % 2)
            row->handler_of = "odd"; /* two programs, so that one command needs several runs */
    }
}

/* ---- what it does ---- */

static void effect_task(struct world *world, struct task *task)
{
    const struct step *step = task->data;
    const struct program *program = step->program;
    const struct deed *deed = &program->deeds[step->deed];
    int64_t index = session_find(world, program->cluster, &deed->session);
    if (program->over || index < 0)
        return;
    if (deed->leaves) {
        session_die(world, program->cluster, (uint32_t)index);
        return;
    }
    struct request request = {.worker = program->worker,
                              .life = program->life,
                              .cluster = program->cluster,
                              .kind = ENGINE_END,
                              .session = deed->session,
                              .send = deed->send};
    cluster_effect(world, &request);
}

static struct task step_of(struct program *program, uint32_t deed)
{
    struct step *step = mem_new(struct step);
    *step = (struct step){program, deed};
    return (struct task){.worker = -1, .data = step, .release = free};
}

static void draw_deed(struct world *world, const struct program *program, struct deed *deed)
{
    bool honest = draw_percent(&world->draw, 80);
    deed->word = HANDLER_SAYS_ENDED;
    deed->ends = true;
    switch (program->behaviour) {
    case DIFFERS:
        deed->word = (enum handler_result)(1 + draw_below(&world->draw, HANDLER_RESULTS - 1));
        deed->leaves = deed->word == HANDLER_SAYS_LEFT && honest;
        deed->ends = (deed->word == HANDLER_SAYS_ENDED && honest) ||
                     (deed->word == HANDLER_SAYS_FAILED && !honest);
        break;
    case DIES:
    case HANGS:
        deed->ends = draw_percent(&world->draw, 50);
        break;
    default:
        break;
    }
}

/* ---- what becomes of it ---- */

static void tell_engine(struct world *world, struct program *program, enum error_code code)
{
    struct worker *worker = world->workers[program->worker];
    const struct seat *seat = &worker->seats[program->partition];
    struct handler_answer answer = {.count = program->count,
                                    .standard_processing = program->standard_processing};
    struct error why = {.code = ERR_OK};
    program->over = true;
    for (uint32_t i = 0; i < program->count; i++)
        if (program->deeds[i].send >= 0)
            oracle_handled(world, program->deeds[i].send, code);
    if (code)
        error_set(&why, code, "the handler: %s", error_meaning(code));
    if (!seat->engine || seat->generation != program->generation)
        return;
    answer.words = mem_alloc(program->count, sizeof answer.words[0]);
    for (uint32_t i = 0; i < program->count; i++)
        answer.words[i].result = program->deeds[i].word;
    struct engine_handled handled = {.tag = program->tag,
                                     .code = code,
                                     .sent = true,
                                     .failure = &why,
                                     .answer = code ? NULL : &answer};
    say(world, "w%d p%d: a handler is over: %s", worker->index, program->partition,
        error_label(code));
    engine_handled(seat->engine, &handled, worker_now(world, worker));
    handler_answer_release(&answer);
}

/* The process that waits for it hears of its end, or ends it. */
static void over_task(struct world *world, struct task *task)
{
    static const enum error_code codes[BEHAVIOURS] = {
        [DIES] = ERR_REFUSED, [HANGS] = ERR_IN_DOUBT, [BABBLES] = ERR_PROTOCOL};
    struct program *program = ((const struct step *)task->data)->program;
    if (!program->over)
        tell_engine(world, program, codes[program->behaviour]);
}

/* One that may not go on is ended. */
void handlers_run(struct world *world, struct worker *worker)
{
    for (size_t i = 0; i < world->programs.count; i++) {
        struct program *program = world->programs.at[i];
        if (program->over || program->worker != worker->index || program->life != worker->life)
            continue;
        const struct seat *seat = &worker->seats[program->partition];
        bool same = seat->engine && seat->generation == program->generation;
        if (!same || !engine_handler_goes_on(seat->engine, program->tag)) {
            say(world, "w%d p%d: a handler is stopped", worker->index, program->partition);
            tell_engine(world, program, ERR_IN_DOUBT);
        }
    }
}

/* ---- its beginning ---- */

static struct uuid session_of(const struct handler_target *target)
{
    struct text bytes = {(const char *)target->snapshot, target->snapshot_length};
    AUTO(arena) arena = arena_create(RECORD_BYTES_MAX);
    struct session session = {.number = 0};
    enum error_code code = session_decode(bytes, arena, &session, NULL);
    CHECK(!code);
    return session.uuid;
}

static void refuse(struct world *world, struct worker *worker, const struct seat *seat,
                   const struct engine_action *action, enum error_code code)
{
    struct error why;
    error_set(&why, code, "the handler does not run: %s", error_meaning(code));
    struct engine_handled handled = {.tag = action->tag, .code = code, .failure = &why};
    engine_handled(seat->engine, &handled, worker_now(world, worker));
}

static enum behaviour draw_behaviour(struct world *world)
{
    if (draw_percent(&world->draw, 40))
        return BEHAVES;
    enum behaviour behaviour = (enum behaviour)draw_below(&world->draw, BEHAVIOURS);
    return world->calm && behaviour != DIFFERS ? BEHAVES : behaviour;
}

static void begin_deed(struct world *world, struct program *program, uint32_t at, int64_t run_ns)
{
    const struct deed *deed = &program->deeds[at];
    if (!deed->ends && !deed->leaves)
        return;
    struct task task = step_of(program, at);
    task.run = effect_task;
    world_after(world, draw_between(&world->draw, 0, run_ns), task);
}

static void begin(struct world *world, struct worker *worker, const struct seat *seat,
                  int32_t partition, const struct engine_action *action)
{
    const struct handler_task *wanted = action->task;
    struct program *program = mem_new(struct program);
    *VECTOR_ADD(&world->programs) = program;
    *program = (struct program){.worker = worker->index,
                                .life = worker->life,
                                .partition = partition,
                                .cluster = cluster_named(world, action->cluster),
                                .generation = seat->generation,
                                .tag = action->tag,
                                .behaviour = draw_behaviour(world),
                                .after = wanted->mode == HANDLER_AFTER,
                                .standard_processing = draw_percent(&world->draw, 50),
                                .count = wanted->count};
    program->deeds = mem_alloc(wanted->count, sizeof program->deeds[0]);
    int64_t run_ns = world_delay(world, 1, program->behaviour == HANGS ? HANG_MS : RUN_MS);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct deed *deed = &program->deeds[i];
        deed->send = -1;
        if (program->after)
            continue;
        deed->session = session_of(&wanted->targets[i]);
        deed->send = oracle_sent(world, worker, partition, program->cluster, &deed->session,
                                 wanted->command->options.message, false);
        draw_deed(world, program, deed);
        begin_deed(world, program, i, run_ns);
    }
    struct task over = step_of(program, 0);
    over.run = over_task;
    over.worker = worker->index;
    over.life = worker->life;
    world_after(world, run_ns, over);
}

/* The last look: the licence's time, and whether the engine still stands by it. */
void handler_request(struct world *world, struct worker *worker, const struct seat *seat,
                     int32_t partition, const struct engine_action *action)
{
    bool late = instant_passed(worker_now(world, worker), action->send_by);
    say(world, "w%d p%d: a handler is asked (%s) about %u of %s, attempt %u", worker->index,
        partition, handler_mode_label(action->task->mode), action->task->count,
        brief(&action->task->command->id).text, action->task->attempt);
    if (late || !engine_allows(seat->engine, ENGINE_HANDLE, action->tag)) {
        refuse(world, worker, seat, action, ERR_STALE);
        return;
    }
    if (draw_percent(&world->draw, PLACES_TAKEN_PERCENT)) {
        refuse(world, worker, seat, action, ERR_FULL);
        return;
    }
    if (action->task->mode == HANDLER_AFTER)
        oracle_told(world, worker, partition, &action->task->command->id);
    begin(world, worker, seat, partition, action);
}

void programs_release(struct world *world)
{
    for (size_t i = 0; i < world->programs.count; i++) {
        free(world->programs.at[i]->deeds);
        free(world->programs.at[i]);
    }
    free(world->programs.at);
}

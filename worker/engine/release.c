/* After the end of a session: what is left of it. Connections that outlived it are waited for, and
 * disconnected if that was asked for; then RELEASED says what became of them (ADR 5). A server call
 * that keeps a session listed is interrupted.
 *
 * Whose a connection is cannot be told by its session number alone: a newcomer may have taken the
 * number. So a connection counts as left over only when a complete session list that *started
 * after* the connections were listed shows nobody under that number of that infobase and nobody on
 * that connection. */
#include "engine/release.h"

#include <stdlib.h>

#include "engine/common.h"
#include "engine/heap.h"

enum {
    PATIENCE_MS = 2000, /* connections go by themselves: nothing is disconnected before */
    LOOK_AGAIN_MS = 500,
    LOOK_DOUBLINGS = 3,         /* 4 s at most */
    RELEASES_PER_RECORD = 2000, /* at most 24 bytes each: below LIMIT_RECORD_BYTES */
};

enum stage {
    STAGE_LOOK,    /* ask for the connections of infobases[at] */
    STAGE_CONFIRM, /* a session list must show that nobody uses what is left */
    STAGE_LICENSE, /* ATTEMPT(DISCONNECT) is on its way */
    STAGE_SEND,    /* licensed */
};

struct leftover {
    struct connection_ref ref;
    uint32_t target;
    uint32_t infobase; /* index into infobases */
    uint32_t session_number;
    bool out; /* its disconnect was handed out and is not answered */
};

struct release {
    enum stage stage;
    struct uuid *infobases;  /* owned: of the sessions that ended */
    struct uuid_text *names; /* owned: the same, as requests name them */
    uint32_t infobase_count;
    uint32_t at;
    bool asking;           /* CONNECTIONS is out */
    struct leftover *left; /* owned */
    size_t left_count;
    size_t left_size;
    struct target_release *told; /* owned: by target; index not set */
    uint32_t out;                /* disconnects not answered */
    uint32_t attempts;           /* rounds of disconnects */
    uint32_t looks;
    struct instant begun;
    struct instant next;      /* look not before */
    struct instant confirmed; /* the list that confirmed what is left was complete */
    struct instant licence_until;
    struct error trouble; /* ERR_OK: none so far */
};

void release_free(struct open *open)
{
    if (!open->release)
        return;
    free(open->release->infobases);
    free(open->release->names);
    free(open->release->left);
    free(open->release->told);
    free(open->release);
    open->release = NULL;
}

/* ---- beginning ---- */

static bool is_wanted(const struct open *open)
{
    const struct options *options = &open->command->options;
    return !options->dry_run && (options->disconnect_connections || open->drain);
}

static bool has_ended(const struct target *target)
{
    return target->found && (target->outcome == TARGET_ENDED || target->outcome == TARGET_LEFT);
}

static void add_infobase(struct release *release, const struct uuid *infobase)
{
    for (uint32_t i = 0; i < release->infobase_count; i++)
        if (uuid_equal(&release->infobases[i], infobase))
            return;
    release->infobases =
        mem_resize(release->infobases, release->infobase_count + 1, sizeof release->infobases[0]);
    release->names =
        mem_resize(release->names, release->infobase_count + 1, sizeof release->names[0]);
    release->names[release->infobase_count] = uuid_format(infobase);
    release->infobases[release->infobase_count++] = *infobase;
}

static struct release *begin(struct open *open, struct instant now)
{
    struct release *release = mem_new(struct release);
    release->told = mem_alloc(open->target_count, sizeof release->told[0]);
    release->begun = now;
    for (uint32_t i = 0; i < open->target_count; i++)
        if (has_ended(&open->targets[i]))
            add_infobase(release, &open->targets[i].identity.infobase);
    open->release = release;
    return release;
}

/* ---- RELEASED ---- */

static bool is_told(const struct target_release *told)
{
    return told->connections > 0;
}

static void append_released(struct engine *engine, struct open *open, struct instant now)
{
    struct release *release = open->release;
    uint32_t at = 0;
    for (size_t i = 0; i < release->left_count; i++)
        release->told[release->left[i].target].leaked++;
    do {
        struct record *record = engine_record_about(open, RECORD_RELEASED);
        record->released.releases =
            mem_alloc(RELEASES_PER_RECORD, sizeof record->released.releases[0]);
        for (; at < open->target_count && record->released.count < RELEASES_PER_RECORD; at++) {
            if (!is_told(&release->told[at]))
                continue;
            release->told[at].index = at;
            record->released.releases[record->released.count++] = release->told[at];
        }
        record->released.more = at < open->target_count;
        if (release->trouble.code)
            reason_set(&record->reason, &release->trouble);
        engine_append(engine, record, now);
    } while (at < open->target_count);
    open->pending |= PENDING_RELEASED;
}

/* ---- looking ---- */

static struct instant deadline(const struct engine *engine, const struct release *release)
{
    return instant_add_ms(release->begun, engine->config.release_ms);
}

static void look_later(struct release *release, struct instant now)
{
    uint32_t doublings = release->looks < LOOK_DOUBLINGS ? release->looks : LOOK_DOUBLINGS;
    release->looks++;
    release->stage = STAGE_LOOK;
    release->at = 0;
    release->left_count = 0;
    release->next = instant_add_ms(now, (int64_t)LOOK_AGAIN_MS << doublings);
    struct instant patience = instant_add_ms(release->begun, PATIENCE_MS);
    if (instant_before(now, patience)) /* do not sleep past it */
        release->next = instant_min(release->next, patience);
}

static void ask_connections(struct engine *engine, struct open *open)
{
    struct release *release = open->release;
    struct engine_action *action = engine_act(engine, ENGINE_CONNECTIONS);
    action->tag = open->serial << TARGET_BITS;
    action->cluster = open->cluster->name;
    action->infobase = release->names[release->at].text;
    release->asking = true;
}

static void add_leftover(struct release *release, const struct connection *connection,
                         uint32_t target)
{
    if (release->left_count == release->left_size) {
        release->left_size = release->left_size ? 2 * release->left_size : 16;
        release->left = mem_resize(release->left, release->left_size, sizeof release->left[0]);
    }
    release->left[release->left_count++] = (struct leftover){
        .ref = {connection->uuid, connection->process},
        .target = target,
        .infobase = release->at,
        .session_number = connection->session_number,
    };
}

/* By the number that the connection shows; the list that follows says whether somebody else has it
 * by now. */
static void note_connection(struct open *open, const struct connection *connection)
{
    if (connection->session_number == 0)
        return; /* of the infobase's services, or of nobody: never taken for a session's */
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        if (has_ended(target) && target->identity.number == connection->session_number &&
            uuid_equal(&target->identity.infobase, &connection->infobase)) {
            add_leftover(open->release, connection, i);
            return;
        }
    }
}

/* How many were seen at once, at most. */
static void count_seen(struct open *open)
{
    struct release *release = open->release;
    uint32_t *now = mem_alloc(open->target_count, sizeof *now);
    for (size_t i = 0; i < release->left_count; i++)
        now[release->left[i].target]++;
    for (uint32_t i = 0; i < open->target_count; i++)
        if (now[i] > release->told[i].connections)
            release->told[i].connections = now[i];
    free(now);
}

static void looked(struct engine *engine, struct open *open, const struct connection_list *list,
                   struct instant now)
{
    struct release *release = open->release;
    release->trouble.code = ERR_OK;
    for (size_t i = 0; i < list->count; i++)
        note_connection(open, &list->connections[i]);
    if (++release->at < release->infobase_count)
        return;
    if (release->left_count == 0) {
        append_released(engine, open, now);
        return;
    }
    release->stage = STAGE_CONFIRM;
    cluster_want(engine, open, now, (struct instant){0});
}

static void not_looked(struct engine *engine, struct open *open, const struct error *failure,
                       struct instant now)
{
    struct release *release = open->release;
    release->trouble = *failure;
    if (engine_is_final(failure->code) || instant_passed(now, deadline(engine, release))) {
        error_wrap(&release->trouble, "whether connections are left is not known");
        release->left_count = 0;
        append_released(engine, open, now);
        return;
    }
    look_later(release, now);
}

/* ---- confirming: nobody else's ---- */

static bool is_in_use(const struct open *open, const struct leftover *left,
                      const struct session_list *list)
{
    const struct identity *ended = &open->targets[left->target].identity;
    for (size_t i = 0; i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        if (uuid_equal(&session->connection, &left->ref.connection))
            return true;
        if (session->number == left->session_number &&
            uuid_equal(&session->infobase, &ended->infobase))
            return true;
    }
    return false;
}

static void drop_used(const struct engine *engine, struct open *open,
                      const struct session_list *list)
{
    struct release *release = open->release;
    size_t kept = 0;
    (void)engine; /* without mutations */
    for (size_t i = 0; i < release->left_count; i++)
        if (MUTATED(engine, cut_unconfirmed) || !is_in_use(open, &release->left[i], list))
            release->left[kept++] = release->left[i];
    release->left_count = kept;
}

static bool may_disconnect(const struct engine *engine, const struct open *open, struct instant now)
{
    return open->command->options.disconnect_connections && !open_holds_fire(engine, open) &&
           !engine->halted && open->release->attempts < engine->config.attempts_max &&
           instant_passed(now, instant_add_ms(open->release->begun, PATIENCE_MS));
}

static void append_license(struct engine *engine, struct open *open, struct instant now)
{
    struct release *release = open->release;
    struct record *record = engine_record_about(open, RECORD_ATTEMPT);
    record->attempt.act = ACT_DISCONNECT;
    record->attempt.attempt = open->attempt + 1;
    record->attempt.connections =
        mem_alloc(release->left_count, sizeof record->attempt.connections[0]);
    for (size_t i = 0; i < release->left_count; i++)
        record->attempt.connections[record->attempt.connection_count++] = release->left[i].ref;
    open->pending |= PENDING_ATTEMPT;
    release->stage = STAGE_LICENSE;
    engine_append(engine, record, now);
}

enum { LEFT_PER_LICENCE = 600 }; /* at most 80 bytes each: below LIMIT_RECORD_BYTES */

void release_listed(struct engine *engine, struct open *open, const struct session_list *list,
                    struct instant now)
{
    struct release *release = open->release;
    if (!release || release->stage != STAGE_CONFIRM)
        return;
    if (list->count == 0 && !open->empty_twice) { /* one empty list proves nothing (I7) */
        cluster_want(engine, open, now, instant_add_ms(now, engine->config.empty_confirm_ms));
        return;
    }
    drop_used(engine, open, list);
    count_seen(open);
    release->confirmed = list->finished;
    if (release->left_count == 0 || instant_passed(now, deadline(engine, release))) {
        append_released(engine, open, now);
    } else if (may_disconnect(engine, open, now)) {
        if (release->left_count > LEFT_PER_LICENCE)
            release->left_count = LEFT_PER_LICENCE; /* the rest in the next look */
        append_license(engine, open, now);
    } else {
        look_later(release, now);
    }
}

/* ---- disconnecting ---- */

void release_licensed(struct open *open, struct instant until)
{
    if (!open->release || open->release->stage != STAGE_LICENSE)
        return;
    open->release->stage = STAGE_SEND;
    open->release->licence_until = until;
}

static void send_disconnects(struct engine *engine, struct open *open, struct instant now)
{
    struct release *release = open->release;
    struct instant send_by = engine_send_by(engine, release->licence_until, release->confirmed);
    if (instant_passed(now, send_by)) { /* what is left may be somebody else's by now */
        look_later(release, now);
        return;
    }
    for (size_t i = 0; i < release->left_count; i++) {
        struct engine_action *action = engine_act(engine, ENGINE_DISCONNECT);
        action->tag = (open->serial << TARGET_BITS) | i;
        action->cluster = open->cluster->name;
        action->infobase = release->names[release->left[i].infobase].text;
        action->connection = release->left[i].ref;
        action->send_by = send_by;
        release->left[i].out = true;
        release->out++;
    }
    release->attempts++;
}

static void disconnected(struct open *open, uint32_t index, enum error_code code,
                         struct instant now)
{
    struct release *release = open->release;
    if (index >= release->left_count || !release->left[index].out)
        return;
    release->left[index].out = false;
    release->out--;
    if (code == ERR_OK)
        release->told[release->left[index].target].disconnected++;
    if (release->out == 0) { /* whatever the answers were: the next look says what is left */
        release->looks = 0;
        look_later(release, now);
    }
}

/* ---- steps ---- */

bool release_step(struct engine *engine, struct open *open, struct instant now)
{
    if (!is_wanted(open) || open->released)
        return true;
    struct release *release = open->release ? open->release : begin(open, now);
    bool waits = open->pending & (PENDING_RELEASED | PENDING_ATTEMPT) || release->asking ||
                 release->out > 0 || open->wants_list;
    if (release->stage == STAGE_CONFIRM && open->wants_list) {
        struct instant last =
            instant_add_ms(deadline(engine, release), 2 * engine->config.settle_ms + 10000);
        if (instant_before(now, last)) {
            heap_set(engine, open, last);
            return false;
        }
        cluster_served(open);
        release->left_count = 0;
        error_set(&release->trouble, ERR_UNAVAILABLE,
                  "whether connections are left is not known: the cluster could not be listed");
        append_released(engine, open, now);
        return false;
    }
    if (waits)
        return false;
    if (release->infobase_count == 0) {
        append_released(engine, open, now);
        return false;
    }
    if (release->stage == STAGE_SEND)
        send_disconnects(engine, open, now);
    if (release->stage == STAGE_LOOK && instant_passed(now, release->next))
        ask_connections(engine, open);
    else if (release->stage == STAGE_LOOK)
        heap_set(engine, open, release->next);
    return false;
}

bool release_allows(const struct engine *engine, const struct open *open)
{
    return open->release && open->release->stage == STAGE_SEND && !engine->halted &&
           !open_holds_fire(engine, open) && engine_may_act(engine);
}

void release_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                      struct instant now)
{
    struct release *release = open->release;
    if (!release || !engine_may_act(engine))
        return; /* the next OWNER of ours begins it anew */
    if (answer->kind == ENGINE_DISCONNECT) {
        disconnected(open, (uint32_t)(answer->tag & ((1u << TARGET_BITS) - 1)), answer->code, now);
    } else if (release->asking) {
        release->asking = false;
        if (answer->connections)
            looked(engine, open, answer->connections, now);
        else
            not_looked(engine, open, answer->failure, now);
    }
    engine_touch(engine, open);
}

bool release_failed(const struct open *open)
{
    return open->leaked > 0 || open->release_unknown;
}

void release_reason(const struct open *open, struct reason *reason)
{
    struct error why;
    if (open->release_unknown) {
        reason_copy(reason, &open->reason);
        return;
    }
    bool asked = open->command->options.disconnect_connections;
    error_set(&why, ERR_REFUSED,
              "every session is gone, but %u of their connections are still there%s: look with the "
              "cluster's console%s",
              open->leaked, asked ? ", though they were to be disconnected" : "",
              asked ? "" : ", or ask for them to be disconnected");
    reason_set(reason, &why);
}

void fold_released(struct open *open, const struct record *record, struct wall broker_time)
{
    open->released = !record->released.more;
    open->released_at = broker_time;
    for (uint32_t i = 0; i < record->released.count; i++) {
        const struct target_release *told = &record->released.releases[i];
        open->leaked += told->leaked;
        if (told->index < open->target_count)
            open->targets[told->index].leaks = told->leaked > 0;
    }
    if (record->reason.code) {
        open->release_unknown = true;
        reason_copy(&open->reason, &record->reason);
    }
    open->pending &= ~(unsigned)PENDING_RELEASED;
}

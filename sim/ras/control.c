#include "sim/ras/control.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

enum {
    LINE_MAX_BYTES = 64 * 1024,
    ANSWER_MAX = 64 * 1024 * 1024,
    CLIENTS_MAX = 256,
    STEPS_MAX = 10000
};

struct control_client {
    uv_tcp_t tcp;
    struct sim_control *control;
    struct control_client *next;
    struct buf line;
    bool closing;
};

struct step {
    json_t *request;
    int64_t at_ms;
};

struct sim_control {
    struct ras_sim *sim;
    uv_tcp_t tcp;
    uv_timer_t timer; /* of the script */
    bool listening;
    struct control_client *clients;
    size_t client_count;
    struct step *steps; /* owned, in the order of their time */
    size_t step_count;
    size_t step_next;
    struct instant started;
    unsigned handles; /* the listener, the timer, the clients */
    bool closing;
    void (*stop)(void *self);
    void *self;
};

/* ---- arguments ---- */

struct call {
    struct ras_sim *sim;
    json_t *request;
    json_t *answer; /* what is added to {"ok": true} */
    struct error err;
    struct wall now;
    bool stop;
};

static bool fail(struct call *call, const char *what)
{
    error_set(&call->err, ERR_INVALID, "%s", what);
    return false;
}

static bool has(const struct call *call, const char *key)
{
    return json_object_get(call->request, key) != NULL;
}

static struct text text_arg(const struct call *call, const char *key)
{
    json_t *value = json_object_get(call->request, key);
    if (!json_is_string(value))
        return (struct text){0};
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* Numbers come as JSON numbers or, from words, as texts. */
static bool int_arg(struct call *call, const char *key, int64_t *ret)
{
    json_t *value = json_object_get(call->request, key);
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    return json_is_string(value) && text_i64(text_arg(call, key), ret, &call->err) == ERR_OK;
}

static bool bool_arg(const struct call *call, const char *key, bool usual)
{
    json_t *value = json_object_get(call->request, key);
    struct text text = text_arg(call, key);
    if (json_is_boolean(value))
        return json_boolean_value(value);
    if (!text.length)
        return usual;
    return text_equal(text, TEXT("on")) || text_equal(text, TEXT("true")) ||
           text_equal(text, TEXT("1"));
}

static bool duration_arg(struct call *call, const char *key, int64_t *ret)
{
    if (!has(call, key))
        return true;
    json_t *value = json_object_get(call->request, key);
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    return text_duration_ms(text_arg(call, key), ret, &call->err) == ERR_OK;
}

static struct world_cluster *cluster_arg(struct call *call)
{
    struct world *world = call->sim->world;
    struct text name = text_arg(call, "cluster");
    struct world_cluster *cluster = NULL;
    if (name.length)
        cluster = world_cluster_named(world, name);
    else if (world_cluster_count(world) == 1)
        cluster = world_cluster_at(world, 0);
    if (!cluster)
        fail(call, "there is no such cluster; give cluster=NAME");
    return cluster;
}

static struct world_infobase *infobase_arg(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return NULL;
    struct world_infobase *infobase = world_infobase_named(cluster, text_arg(call, "infobase"));
    if (!infobase)
        fail(call, "there is no such infobase; give infobase=NAME");
    return infobase;
}

static struct world_session *session_arg(struct call *call)
{
    struct uuid uuid;
    int64_t number = 0;
    struct world_session *session = NULL;
    if (has(call, "session")) {
        struct world_cluster *cluster = cluster_arg(call);
        if (!cluster || uuid_read(text_arg(call, "session"), &uuid, &call->err))
            return NULL;
        session = world_session_find(cluster, &uuid);
    } else {
        struct world_infobase *infobase = infobase_arg(call);
        if (!infobase || !int_arg(call, "number", &number) || number < 0 || number > UINT32_MAX)
            return NULL;
        session = world_session_numbered(infobase, (uint32_t)number);
    }
    if (!session)
        fail(call, "there is no such session");
    return session;
}

/* ---- pieces of answers ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void put_text(json_t *object, const char *key, struct text text)
{
    put(object, key, json_stringn(text.at ? text.at : "", text.length));
}

static void put_uuid(json_t *object, const char *key, const struct uuid *uuid)
{
    put(object, key, json_string(uuid_format(uuid).text));
}

static void put_time(json_t *object, const char *key, struct server_time time)
{
    put(object, key, json_string(server_time_format(time).text));
}

static json_t *session_json(const struct world_session *session)
{
    json_t *object = json_object();
    const struct ras_session *record = &session->record;
    put_uuid(object, "session", &record->uuid);
    put(object, "number", json_integer(record->session_id));
    put_uuid(object, "infobase", &record->infobase);
    put_text(object, "infobase_name", session->infobase->record.name);
    put_text(object, "user", record->user_name);
    put_text(object, "app", record->app_id);
    put_text(object, "host", record->host);
    put_time(object, "started_at", record->started_at);
    put_time(object, "last_active_at", record->last_active_at);
    put(object, "hibernate", json_boolean(record->hibernate));
    put(object, "duration_current", json_integer(record->duration_current));
    put(object, "ending", json_boolean(world_session_ending(session)));
    return object;
}

static json_t *infobase_json(const struct world_infobase *infobase)
{
    json_t *object = json_object();
    const struct ras_infobase *record = &infobase->record;
    put_uuid(object, "infobase", &record->uuid);
    put_text(object, "name", record->name);
    put(object, "sessions", json_integer((json_int_t)infobase->session_count));
    put(object, "updates", json_integer((json_int_t)infobase->updates));
    put(object, "sessions_deny", json_boolean(record->sessions_deny));
    put(object, "scheduled_jobs_deny", json_boolean(record->scheduled_jobs_deny));
    put_time(object, "denied_from", record->denied_from);
    put_time(object, "denied_to", record->denied_to);
    put_text(object, "denied_message", record->denied_message);
    put_text(object, "denied_parameter", record->denied_parameter);
    put_text(object, "permission_code", record->permission_code);
    return object;
}

/* The address that serves the cluster. */
static uint16_t port_of(const struct ras_sim *sim, const struct world_cluster *cluster)
{
    for (size_t i = 0; i < sim->listener_count; i++)
        if (!sim->listeners[i]->only || sim->listeners[i]->only == cluster)
            return sim->listeners[i]->port;
    return 0;
}

static json_t *cluster_json(const struct ras_sim *sim, const struct world_cluster *cluster)
{
    json_t *object = json_object();
    put_uuid(object, "cluster", &cluster->record.uuid);
    put_text(object, "name", cluster->record.name);
    put(object, "port", json_integer(port_of(sim, cluster)));
    put(object, "sessions", json_integer((json_int_t)cluster->session_count));
    put(object, "connections", json_integer((json_int_t)cluster->connection_count));
    put(object, "infobases", json_integer((json_int_t)cluster->infobase_count));
    return object;
}

static json_t *counters_json(const struct ras_sim *sim)
{
    const struct ras_sim_counters *counters = &sim->counters;
    json_t *object = json_object();
    json_t *kinds = json_object();
    put(object, "connections", json_integer((json_int_t)counters->connections));
    put(object, "open_connections", json_integer((json_int_t)sim->conn_count));
    put(object, "requests", json_integer((json_int_t)counters->requests));
    put(object, "terminates", json_integer((json_int_t)counters->terminates));
    put(object, "terminated", json_integer((json_int_t)counters->terminated));
    put(object, "disconnects", json_integer((json_int_t)counters->disconnects));
    put(object, "updates", json_integer((json_int_t)counters->updates));
    put(object, "updated", json_integer((json_int_t)counters->updated));
    put(object, "interrupts", json_integer((json_int_t)counters->interrupts));
    put(object, "faults", json_integer((json_int_t)counters->faults));
    put(object, "gave_up", json_integer((json_int_t)counters->gave_up));
    put(object, "violations", json_integer((json_int_t)counters->violations));
    for (int i = 0; i < RAS_VIOLATION_COUNT; i++)
        if (counters->violation[i])
            put(kinds, ras_violation_name((enum ras_violation)i),
                json_integer((json_int_t)counters->violation[i]));
    put(object, "violation_kinds", kinds);
    return object;
}

/* ---- words ---- */

static bool do_ping(struct call *call)
{
    (void)call;
    return true;
}

static bool do_stop(struct call *call)
{
    call->stop = true;
    return true;
}

static bool do_fault(struct call *call)
{
    uint32_t id = 0;
    if (faults_add(call->sim->faults, text_arg(call, "spec"), sim_now(call->sim), &id, &call->err))
        return false;
    sim_review_addresses(call->sim);
    put(call->answer, "id", json_integer(id));
    return true;
}

static bool do_unfault(struct call *call)
{
    int64_t id = 0;
    if (!int_arg(call, "id", &id) || !ras_sim_unfault(call->sim, (uint32_t)id))
        return fail(call, "there is no fault of that id");
    return true;
}

static bool do_clear(struct call *call)
{
    ras_sim_clear_faults(call->sim);
    return true;
}

static bool do_faults(struct call *call)
{
    AUTO_BUF list = {0};
    buf_init(&list, ANSWER_MAX);
    faults_print(call->sim->faults, sim_now(call->sim), &list);
    put(call->answer, "faults", json_loads(buf_text(&list), 0, NULL));
    return true;
}

static bool do_state(struct call *call)
{
    struct world *world = call->sim->world;
    json_t *clusters = json_array();
    for (size_t i = 0; i < world_cluster_count(world); i++)
        json_array_append_new(clusters, cluster_json(call->sim, world_cluster_at(world, i)));
    put(call->answer, "clusters", clusters);
    put(call->answer, "counters", counters_json(call->sim));
    struct world_totals totals = world_totals(world);
    put(call->answer, "sessions", json_integer((json_int_t)totals.sessions));
    put(call->answer, "sessions_started", json_integer((json_int_t)totals.started));
    json_t *ended = json_object();
    for (int i = 0; i < WORLD_CAUSE_COUNT; i++)
        put(ended, world_cause_name((enum world_cause)i),
            json_integer((json_int_t)totals.ended[i]));
    put(call->answer, "sessions_ended", ended);
    return true;
}

static bool do_violations(struct call *call)
{
    json_t *notes = json_array();
    const char *note;
    for (size_t i = 0; (note = ras_sim_note(call->sim, i)); i++)
        json_array_append_new(notes, json_string(note));
    put(call->answer, "violations", notes);
    put(call->answer, "count", json_integer((json_int_t)call->sim->counters.violations));
    return true;
}

static bool do_sessions(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    struct text only = text_arg(call, "infobase");
    if (!cluster)
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->session_count; i++)
        if (!only.length || text_same_name(cluster->sessions[i]->infobase->record.name, only))
            json_array_append_new(list, session_json(cluster->sessions[i]));
    put(call->answer, "sessions", list);
    return true;
}

static bool do_infobases(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->infobase_count; i++)
        json_array_append_new(list, infobase_json(cluster->infobases[i]));
    put(call->answer, "infobases", list);
    return true;
}

static bool do_connections(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->connection_count; i++) {
        const struct world_connection *connection = cluster->connections[i];
        json_t *object = json_object();
        put_uuid(object, "connection", &connection->record.uuid);
        put_uuid(object, "process", &connection->record.process);
        put_uuid(object, "infobase", &connection->record.infobase);
        put_text(object, "app", connection->record.application);
        put(object, "session_number", json_integer(connection->record.session_number));
        put(object, "lingering", json_boolean(connection->gone_at.ms != 0));
        json_array_append_new(list, object);
    }
    put(call->answer, "connections", list);
    return true;
}

static bool do_login(struct call *call)
{
    struct world_infobase *infobase = infobase_arg(call);
    struct text app = has(call, "app") ? text_arg(call, "app") : TEXT("1CV8C");
    struct text host = has(call, "host") ? text_arg(call, "host") : TEXT("WS-TEST");
    if (!infobase)
        return false;
    if (!bool_arg(call, "force", true) && !world_lets_in(infobase, app, call->now))
        return fail(call, "the infobase lets nobody in");
    const struct world_session *session =
        world_login(infobase, text_arg(call, "user"), app, host, call->now);
    json_t *object = session_json(session);
    json_object_update(call->answer, object);
    json_decref(object);
    return true;
}

static bool do_logout(struct call *call)
{
    struct world_session *session = session_arg(call);
    if (session)
        world_logout(session, WORLD_LOGOUT, call->now);
    return session != NULL;
}

static bool do_evict(struct call *call)
{
    struct world_session *session = session_arg(call);
    if (session)
        world_logout(session, WORLD_EVICTED, call->now);
    return session != NULL;
}

static bool do_call(struct call *call)
{
    int64_t ms = 1000;
    struct world_session *session = session_arg(call);
    if (!session || (has(call, "ms") && !int_arg(call, "ms", &ms)))
        return false;
    world_call(session, (int32_t)ms);
    return true;
}

static bool time_arg(struct call *call, const char *key, struct server_time *ret)
{
    return !has(call, key) || server_time_read(text_arg(call, key), ret, &call->err) == ERR_OK;
}

/* A stranger changes the lock, past the wire. */
static bool do_lock(struct call *call)
{
    struct world_infobase *infobase = infobase_arg(call);
    if (!infobase)
        return false;
    struct ras_infobase record = infobase->record;
    record.sessions_deny = bool_arg(call, "sessions_deny", record.sessions_deny);
    record.scheduled_jobs_deny = bool_arg(call, "scheduled_jobs_deny", record.scheduled_jobs_deny);
    if (has(call, "denied_message"))
        record.denied_message = text_arg(call, "denied_message");
    if (has(call, "denied_parameter"))
        record.denied_parameter = text_arg(call, "denied_parameter");
    if (has(call, "permission_code"))
        record.permission_code = text_arg(call, "permission_code");
    if (!time_arg(call, "denied_from", &record.denied_from) ||
        !time_arg(call, "denied_to", &record.denied_to))
        return false;
    if (world_update(infobase, &record) != WORLD_DONE)
        return fail(call, "the update is refused");
    json_t *object = infobase_json(infobase);
    json_object_update(call->answer, object);
    json_decref(object);
    return true;
}

static bool do_renew(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return false;
    world_cluster_renew(cluster);
    put_uuid(call->answer, "cluster", &cluster->record.uuid);
    return true;
}

static bool do_cut(struct call *call)
{
    struct world_cluster *cluster = NULL;
    if (has(call, "cluster") && !(cluster = cluster_arg(call)))
        return false;
    ras_sim_cut(call->sim, cluster);
    return true;
}

static bool do_credentials(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (cluster)
        world_set_credentials(cluster, text_arg(call, "user"), text_arg(call, "password"));
    return cluster != NULL;
}

static bool do_set(struct call *call)
{
    struct world_options options = *world_options(call->sim->world);
    json_t *churn = json_object_get(call->request, "churn");
    int64_t zone = options.zone_minutes;
    if (json_is_number(churn))
        options.churn = json_number_value(churn);
    else if (json_is_string(churn))
        options.churn = strtod(json_string_value(churn), NULL);
    if (has(call, "zone_minutes") && !int_arg(call, "zone_minutes", &zone))
        return false;
    options.zone_minutes = zone;
    options.activity = bool_arg(call, "activity", options.activity);
    if (!duration_arg(call, "linger", &options.linger_ms) ||
        !duration_arg(call, "connection_linger", &options.connection_ms) ||
        !duration_arg(call, "relogin", &options.relogin_ms) ||
        !duration_arg(call, "nameless", &options.nameless_ms) ||
        !duration_arg(call, "ras_session", &options.ras_session_ms))
        return false;
    world_change(call->sim->world, options);
    return true;
}

static const struct {
    const char *word;
    const char *first; /* key of a bare value */
    bool (*run)(struct call *call);
    const char *meaning;
} words[] = {
    {"ping", NULL, do_ping, "answers"},
    {"fault", "spec", do_fault, "SPEC: adds a fault; gives its id"},
    {"unfault", "id", do_unfault, "ID: removes it"},
    {"clear", NULL, do_clear, "removes all faults"},
    {"faults", NULL, do_faults, "lists them with their hits"},
    {"state", NULL, do_state, "clusters, ports, counters, totals"},
    {"violations", NULL, do_violations, "the last 200, and how many there were"},
    {"sessions", "cluster", do_sessions, "[CLUSTER] [infobase=IB]: what is listed"},
    {"infobases", "cluster", do_infobases, "[CLUSTER]: with their locks"},
    {"connections", "cluster", do_connections, "[CLUSTER]"},
    {"login", "infobase", do_login, "IB user=U [app=A] [host=H] [force=off]: a session starts"},
    {"logout", "session", do_logout, "SESSION: it ends by itself"},
    {"evict", "session", do_evict, "SESSION: it ends, as by another administrator"},
    {"call", "session", do_call, "SESSION ms=N: a server call runs since N ms; 0 ends it"},
    {"lock", "infobase", do_lock, "IB KEY=VALUE...: a stranger changes the lock"},
    {"renew", "cluster", do_renew, "[CLUSTER]: another UUID behind the same address"},
    {"cut", "cluster", do_cut, "[CLUSTER]: cuts the clients' connections"},
    {"credentials", "cluster", do_credentials, "CLUSTER user=U password=P; empty = none"},
    {"set", NULL, do_set,
     "churn= linger= connection_linger= relogin= nameless= ras_session= activity= zone_minutes="},
    {"stop", NULL, do_stop, "ends the program"},
};

void control_help(struct buf *out)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        buf_format(out, "  %-12s %s\n", words[i].word, words[i].meaning);
}

/* ---- requests ---- */

static bool carry_out(struct ras_sim *sim, json_t *request, json_t *answer, bool *ret_stop)
{
    struct call call = {.sim = sim, .request = request, .answer = answer, .now = sim_wall(sim)};
    struct text word = text_arg(&call, "do");
    bool done = false;
    world_tick(sim->world, call.now);
    error_set(&call.err, ERR_INVALID, "an argument is missing or wrong");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text_equal(word, text_of(words[i].word)))
            continue;
        done = words[i].run(&call);
        put(answer, "ok", json_boolean(done));
        if (!done)
            put(answer, "error", json_string(call.err.message));
        *ret_stop = call.stop;
        return done;
    }
    put(answer, "ok", json_false());
    put(answer, "error", json_string("there is no such word"));
    return false;
}

static const char *first_key(struct text word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].first && text_equal(word, text_of(words[i].word)))
            return words[i].first;
    return NULL;
}

static struct text next_word(struct text *rest)
{
    while (rest->length && *rest->at == ' ') {
        rest->at++;
        rest->length--;
    }
    struct text word = {rest->at, 0};
    while (rest->length && *rest->at != ' ') {
        rest->at++;
        rest->length--;
        word.length++;
    }
    return word;
}

static void put_word(json_t *request, struct text word, const char *bare)
{
    char key[64];
    const char *equals = memchr(word.at, '=', word.length);
    size_t length = equals ? (size_t)(equals - word.at) : 0;
    if (bare || !equals || length >= sizeof key) {
        if (bare)
            put_text(request, bare, word);
        return;
    }
    memcpy(key, word.at, length);
    key[length] = '\0';
    put_text(request, key, (struct text){equals + 1, word.length - length - 1});
}

/* `fault stay=2s,op=terminate`: the first value may hold `=` when the word has no such key itself.
 */
static json_t *request_of_words(struct text line)
{
    json_t *request = json_object();
    struct text word = next_word(&line);
    const char *bare = first_key(word);
    put_text(request, "do", word);
    for (word = next_word(&line); word.length; word = next_word(&line)) {
        bool keyed = memchr(word.at, '=', word.length) && !(bare && !strcmp(bare, "spec"));
        put_word(request, word, keyed ? NULL : bare);
        bare = keyed ? bare : NULL;
    }
    return request;
}

static json_t *read_request(struct text line)
{
    if (line.length && *line.at == '{')
        return json_loadb(line.at, line.length, 0, NULL);
    return text_valid(line) ? request_of_words(line) : NULL;
}

bool ras_sim_command(struct ras_sim *sim, struct text line, struct buf *out)
{
    json_t *request = read_request(line);
    json_t *answer = json_object();
    bool stop = false;
    if (json_is_object(request)) {
        carry_out(sim, request, answer, &stop);
    } else {
        put(answer, "ok", json_false());
        put(answer, "error", json_string("neither a JSON object nor words"));
    }
    char *text = json_dumps(answer, JSON_COMPACT);
    CHECK(text);
    buf_str(out, text);
    buf_byte(out, '\n');
    free(text);
    json_decref(answer);
    json_decref(request);
    return !stop;
}

/* ---- the port ---- */

static void one_closed(struct sim_control *control)
{
    struct ras_sim *sim = control->sim;
    if (--control->handles > 0)
        return;
    for (size_t i = 0; i < control->step_count; i++)
        json_decref(control->steps[i].request);
    free(control->steps);
    free(control);
    sim->control = NULL;
    sim_one_closed(sim);
}

static void on_handle_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct sim_control *control = client->control;
    buf_release(&client->line);
    free(client);
    one_closed(control);
}

static void client_close(struct control_client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    struct control_client **at = &client->control->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->control->client_count--;
    uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

struct answer_write {
    uv_write_t write;
    struct buf text;
};

static void on_answered(uv_write_t *write, int status)
{
    struct answer_write *answer = write->data;
    (void)status; /* a client that left is noticed by the read */
    buf_release(&answer->text);
    free(answer);
}

static void answer_line(struct control_client *client, struct text line)
{
    struct sim_control *control = client->control;
    struct answer_write *answer = mem_new(struct answer_write);
    buf_init(&answer->text, ANSWER_MAX);
    answer->write.data = answer;
    bool go_on = ras_sim_command(control->sim, line, &answer->text);
    uv_buf_t bytes = uv_buf_init((char *)answer->text.data, (unsigned)answer->text.length);
    if (uv_write(&answer->write, (uv_stream_t *)&client->tcp, &bytes, 1, on_answered))
        on_answered(&answer->write, UV_EPIPE);
    if (!go_on && control->stop)
        control->stop(control->self);
}

static void take_lines(struct control_client *client)
{
    uint8_t *end;
    while (!client->closing && client->line.length &&
           (end = memchr(client->line.data, '\n', client->line.length))) {
        size_t length = (size_t)(end - client->line.data);
        struct text line = {(const char *)client->line.data, length};
        if (line.length && line.at[line.length - 1] == '\r')
            line.length--;
        if (line.length)
            answer_line(client, line);
        buf_drop(&client->line, length + 1);
    }
    if (client->line.full)
        client_close(client);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)handle;
    (void)suggested;
    static char room[LINE_MAX_BYTES];
    *ret = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct control_client *client = stream->data;
    if (count < 0) {
        client_close(client);
        return;
    }
    buf_add(&client->line, bytes->base, (size_t)count);
    take_lines(client);
}

static void on_client(uv_stream_t *stream, int status)
{
    struct sim_control *control = stream->data;
    if (status)
        return;
    struct control_client *client = mem_new(struct control_client);
    client->control = control;
    buf_init(&client->line, LINE_MAX_BYTES);
    uv_tcp_init(control->sim->loop, &client->tcp);
    client->tcp.data = client;
    client->next = control->clients;
    control->clients = client;
    control->client_count++;
    control->handles++;
    if (uv_accept(stream, (uv_stream_t *)&client->tcp) || control->client_count > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->tcp, on_allocate, on_read))
        client_close(client);
}

static struct sim_control *control_of(struct ras_sim *sim)
{
    if (sim->control)
        return sim->control;
    struct sim_control *control = mem_new(struct sim_control);
    control->sim = sim;
    uv_tcp_init(sim->loop, &control->tcp);
    uv_timer_init(sim->loop, &control->timer);
    control->tcp.data = control;
    control->timer.data = control;
    control->handles = 2;
    sim->open++;
    sim->control = control;
    return control;
}

enum error_code ras_sim_control(struct ras_sim *sim, uint16_t port, uint16_t *ret_port,
                                struct error *err)
{
    struct sim_control *control = control_of(sim);
    struct sockaddr_in at;
    int length = sizeof at;
    CHECK(!control->listening);
    uv_ip4_addr("127.0.0.1", port, &at);
    int status = uv_tcp_bind(&control->tcp, (const struct sockaddr *)&at, 0);
    if (!status)
        status = uv_listen((uv_stream_t *)&control->tcp, CLIENTS_MAX, on_client);
    if (!status)
        status = uv_tcp_getsockname(&control->tcp, (struct sockaddr *)&at, &length);
    if (status)
        return error_set(err, ERR_SYSTEM, "cannot listen on 127.0.0.1:%u: %s", port,
                         uv_strerror(status));
    control->listening = true;
    *ret_port = ntohs(at.sin_port);
    return ERR_OK;
}

void ras_sim_on_stop(struct ras_sim *sim, void (*stop)(void *self), void *self)
{
    struct sim_control *control = control_of(sim);
    control->stop = stop;
    control->self = self;
}

void sim_control_close(struct ras_sim *sim)
{
    struct sim_control *control = sim->control;
    if (!control || control->closing)
        return;
    control->closing = true;
    while (control->clients)
        client_close(control->clients);
    uv_close((uv_handle_t *)&control->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&control->timer, on_handle_closed);
}

/* ---- the script ---- */

static void plan_step(struct sim_control *control);

static void on_step(uv_timer_t *timer)
{
    struct sim_control *control = timer->data;
    bool stop = false;
    json_t *answer = json_object();
    carry_out(control->sim, control->steps[control->step_next].request, answer, &stop);
    json_decref(answer);
    control->step_next++;
    plan_step(control);
    if (stop && control->stop)
        control->stop(control->self);
}

static void plan_step(struct sim_control *control)
{
    if (control->step_next == control->step_count)
        return;
    int64_t since = instant_ms_between(control->started, sim_now(control->sim));
    int64_t wait = control->steps[control->step_next].at_ms - since;
    uv_timer_start(&control->timer, on_step, wait > 0 ? (uint64_t)wait : 0, 0);
}

static int by_time(const void *a, const void *b)
{
    const struct step *one = a, *other = b;
    return (one->at_ms > other->at_ms) - (one->at_ms < other->at_ms);
}

static enum error_code read_step(struct ras_sim *sim, json_t *entry, struct step *ret,
                                 struct error *err)
{
    struct call call = {.sim = sim, .request = entry};
    int64_t at_ms = 0;
    if (!json_is_object(entry) || !text_arg(&call, "do").length)
        return error_set(err, ERR_INVALID, "an entry is an object with \"do\"");
    if (!duration_arg(&call, "at", &at_ms))
        return error_set(err, ERR_INVALID, "\"at\": %s", call.err.message);
    *ret = (struct step){.request = json_incref(entry), .at_ms = at_ms};
    return ERR_OK;
}

enum error_code ras_sim_script(struct ras_sim *sim, const char *path, struct error *err)
{
    json_error_t where;
    json_t *list = json_load_file(path, 0, &where);
    if (!json_is_array(list) || json_array_size(list) > STEPS_MAX) {
        error_set(err, ERR_INVALID, "'%s': %s", path,
                  list ? "a script is an array of at most 10000 entries" : where.text);
        json_decref(list);
        return ERR_INVALID;
    }
    struct sim_control *control = control_of(sim);
    CHECK(!control->steps);
    control->steps = mem_alloc(json_array_size(list) + 1, sizeof *control->steps);
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < json_array_size(list) && !code; i++) {
        code = read_step(sim, json_array_get(list, i), &control->steps[i], err);
        if (code)
            error_wrap(err, "'%s', entry %zu", path, i + 1);
        else
            control->step_count++;
    }
    json_decref(list);
    if (code)
        return code;
    qsort(control->steps, control->step_count, sizeof *control->steps, by_time);
    control->started = sim_now(sim);
    plan_step(control);
    return ERR_OK;
}

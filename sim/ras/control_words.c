/* What each word of the control protocol does. */
#include "sim/ras/control_words.h"

#include <string.h>

#include "sim/ras/control.h"
#include "sim/ras/show.h"

enum { LIST_MAX = 64 * 1024 * 1024 }; /* bytes of the list of faults */

/* ---- arguments ---- */

enum error_code control_duration(const json_t *request, const char *key, int64_t *ret_ms,
                                 struct error *err)
{
    const json_t *value = json_object_get(request, key);
    if (!value)
        return ERR_OK;
    if (json_is_integer(value)) {
        *ret_ms = json_integer_value(value);
        return ERR_OK;
    }
    const char *text = json_string_value(value);
    return text_duration_ms(text_of(text ? text : ""), ret_ms, err);
}

/* One request being carried out. */
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
    return control_duration(call->request, key, ret, &call->err) == ERR_OK;
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
    show_put(call->answer, "id", json_integer(id));
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
    buf_init(&list, LIST_MAX);
    faults_print(call->sim->faults, sim_now(call->sim), &list);
    show_put(call->answer, "faults", json_loads(buf_text(&list), 0, NULL));
    return true;
}

static bool do_state(struct call *call)
{
    struct world *world = call->sim->world;
    json_t *clusters = json_array();
    for (size_t i = 0; i < world_cluster_count(world); i++)
        json_array_append_new(clusters, show_cluster(call->sim, world_cluster_at(world, i)));
    show_put(call->answer, "clusters", clusters);
    show_put(call->answer, "counters", show_counters(call->sim));
    struct world_totals totals = world_totals(world);
    show_put(call->answer, "sessions", json_integer((json_int_t)totals.sessions));
    show_put(call->answer, "sessions_started", json_integer((json_int_t)totals.started));
    json_t *ended = json_object();
    for (int i = 0; i < WORLD_CAUSE_COUNT; i++)
        show_put(ended, world_cause_name((enum world_cause)i),
                 json_integer((json_int_t)totals.ended[i]));
    show_put(call->answer, "sessions_ended", ended);
    return true;
}

static bool do_violations(struct call *call)
{
    json_t *notes = json_array();
    const char *note;
    for (size_t i = 0; (note = ras_sim_note(call->sim, i)); i++)
        json_array_append_new(notes, json_string(note));
    show_put(call->answer, "violations", notes);
    show_put(call->answer, "count", json_integer((json_int_t)call->sim->counters.violations));
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
            json_array_append_new(list, show_session(cluster->sessions[i]));
    show_put(call->answer, "sessions", list);
    return true;
}

static bool do_infobases(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->infobase_count; i++)
        json_array_append_new(list, show_infobase(cluster->infobases[i]));
    show_put(call->answer, "infobases", list);
    return true;
}

static bool do_connections(struct call *call)
{
    struct world_cluster *cluster = cluster_arg(call);
    if (!cluster)
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->connection_count; i++)
        json_array_append_new(list, show_connection(cluster->connections[i]));
    show_put(call->answer, "connections", list);
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
    json_t *object = show_session(session);
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
    json_t *object = show_infobase(infobase);
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
    show_put(call->answer, "cluster", json_string(uuid_format(&cluster->record.uuid).text));
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

void control_carry_out(struct ras_sim *sim, json_t *request, json_t *answer, bool *ret_stop)
{
    struct call call = {.sim = sim, .request = request, .answer = answer, .now = sim_wall(sim)};
    struct text word = text_arg(&call, "do");
    world_tick(sim->world, call.now);
    error_set(&call.err, ERR_INVALID, "an argument is missing or wrong");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text_equal(word, text_of(words[i].word)))
            continue;
        bool done = words[i].run(&call);
        show_put(answer, "ok", json_boolean(done));
        if (!done)
            show_put(answer, "error", json_string(call.err.message));
        *ret_stop = call.stop;
        return;
    }
    show_put(answer, "ok", json_false());
    show_put(answer, "error", json_string("there is no such word"));
}

const char *control_first_key(struct text word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].first && text_equal(word, text_of(words[i].word)))
            return words[i].first;
    return NULL;
}

#include "sim/ras/fault.h"

#include <string.h>

#include "base/check.h"
#include "cluster/ras/wire.h"

enum { RULES_MAX = 1000, OP_ANY = -1, OP_USUAL = -2, GARBAGE_USUAL = 64 };

enum value { VALUE_NONE, VALUE_TIME, VALUE_COUNT, VALUE_CLASS, VALUE_STAY, VALUE_PROBABILITY };

static const struct kind_row {
    const char *name;
    enum value value;
    const char *moment;
    const char *meaning;
} kinds[FAULT_KIND_COUNT] = {
#define KIND(NAME, name, value, moment, meaning)                                                   \
    [FAULT_##NAME] = {name, VALUE_##value, #moment, meaning},
#include "sim/ras/fault.def"
    [FAULT_REFUSE] = {"refuse", VALUE_NONE, "BEFORE",
                      "the port is closed: connections are refused"},
    [FAULT_CHAOS] = {"chaos", VALUE_PROBABILITY, "BEFORE",
                     "with that probability one of the kinds that a server can really show"},
};

/* What chaos draws from: nothing that a real server in trouble could not do, and never a lie. */
static const enum fault_kind chaotic[] = {FAULT_DELAY,  FAULT_HANG,   FAULT_DROP, FAULT_RESET,
                                          FAULT_ERROR,  FAULT_LATE,   FAULT_LOST, FAULT_CUT,
                                          FAULT_PIECES, FAULT_SILENT, FAULT_STAY, FAULT_KEEP_ALIVE};

struct rule {
    uint32_t id;
    char *spec; /* owned; what the texts below point into */
    enum fault_kind kind;
    int op;       /* number, OP_ANY or OP_USUAL */
    int64_t from; /* milliseconds or a count */
    int64_t to;
    double probability;
    struct text class_name;
    struct text cluster;
    struct text infobase;
    struct text user;
    struct uuid session;
    bool has_session;
    uint32_t number; /* 0 = any */
    uint16_t port;   /* 0 = any */
    uint64_t times;  /* UINT64_MAX = always */
    uint64_t skip;
    uint64_t seen;
    uint64_t hits;
    struct instant until;
};

struct faults {
    struct rng rng;
    struct rule *rules; /* owned */
    size_t count;
    uint32_t last_id;
};

static const struct {
    const char *name;
    int op;
} short_forms[] = {
    {"any", OP_ANY},
    {"accept", FAULT_OP_ACCEPT},
    {"connect", FAULT_OP_CONNECT},
    {"open", FAULT_OP_OPEN},
    {"auth", RAS_AUTHENTICATE_CLUSTER},
    {"clusters", RAS_GET_CLUSTERS},
    {"infobases", RAS_GET_INFOBASES_SHORT},
    {"infobase", RAS_GET_INFOBASE_INFO},
    {"update", RAS_UPDATE_INFOBASE},
    {"sessions", RAS_GET_SESSIONS},
    {"infobase_sessions", RAS_GET_INFOBASE_SESSIONS},
    {"session", RAS_GET_SESSION_INFO},
    {"terminate", RAS_TERMINATE_SESSION},
    {"interrupt", RAS_INTERRUPT_SESSION},
    {"connections", RAS_GET_CONNECTIONS_SHORT},
    {"infobase_connections", RAS_GET_INFOBASE_CONNECTIONS},
    {"processes", RAS_GET_WORKING_PROCESSES},
    {"version", RAS_GET_AGENT_VERSION},
};

/* The short names of the classes that RAS answers. */
static const char *const classes[] = {
#define ADMIN ""
#define ROW(NAME, name, class, russian, english) name,
#include "sim/ras/error.def"
#undef ADMIN
};

int fault_op_read(struct text name)
{
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
        if (text_equal(name, text_of(short_forms[i].name)))
            return short_forms[i].op;
    for (unsigned number = 0; number < 256; number++) {
        const struct ras_message_row *row = ras_message_by_request((uint8_t)number);
        if (row && text_equal(name, text_of(row->label)))
            return (int)number;
    }
    return OP_USUAL;
}

const char *fault_op_name(int op)
{
    if (op >= 0 && op < 256) {
        const struct ras_message_row *row = ras_message_by_request((uint8_t)op);
        return row ? row->label : "unknown";
    }
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
        if (short_forms[i].op == op)
            return short_forms[i].name;
    return "usual";
}

struct faults *faults_create(uint64_t seed)
{
    struct faults *faults = mem_new(struct faults);
    faults->rng.state = seed ^ 0xfa17;
    return faults;
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        free(faults->rules[i].spec);
    faults->count = 0;
}

void faults_destroy(struct faults *faults)
{
    if (!faults)
        return;
    faults_clear(faults);
    free(faults->rules);
    free(faults);
}

/* ---- reading a rule ---- */

static struct text take_until(struct text *rest, char stop)
{
    const char *at = rest->length ? memchr(rest->at, stop, rest->length) : NULL;
    size_t length = at ? (size_t)(at - rest->at) : rest->length;
    struct text piece = {rest->at, length};
    size_t used = at ? length + 1 : length;
    rest->at += used;
    rest->length -= used;
    return piece;
}

static enum error_code read_probability(struct text text, double *ret, struct error *err)
{
    char copy[32];
    char *end = NULL;
    if (text.length == 0 || text.length >= sizeof copy)
        return error_set(err, ERR_INVALID, "a probability is a number from 0 to 1");
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    double value = strtod(copy, &end);
    if (*end || !(value >= 0) || value > 1)
        return error_set(err, ERR_INVALID, "'%s' is not a probability from 0 to 1", copy);
    *ret = value;
    return ERR_OK;
}

/* `1s` or `1s..3s` */
static enum error_code read_times(struct text text, struct rule *rule, struct error *err)
{
    const char *dots = text.length ? memmem(text.at, text.length, "..", 2) : NULL;
    struct text from = text, to = text;
    if (dots) {
        from.length = (size_t)(dots - text.at);
        to = (struct text){dots + 2, text.length - from.length - 2};
    }
    if (text_duration_ms(from, &rule->from, err))
        return err ? err->code : ERR_INVALID;
    return text_duration_ms(to, &rule->to, err);
}

static enum error_code read_count(struct text text, struct rule *rule, struct error *err)
{
    uint64_t count = rule->kind == FAULT_GARBAGE ? GARBAGE_USUAL : 1;
    enum error_code code = ERR_OK;
    if (text.length)
        code = text_u64(text, 1 << 20, &count, err);
    rule->from = rule->to = (int64_t)count;
    return code;
}

static enum error_code read_value(struct rule *rule, struct text text, struct error *err)
{
    switch (kinds[rule->kind].value) {
    case VALUE_TIME:
        return read_times(text, rule, err);
    case VALUE_STAY:
        if (!text_equal(text, TEXT("forever")))
            return read_times(text, rule, err);
        rule->from = rule->to = INT64_MAX;
        return ERR_OK;
    case VALUE_COUNT:
        return read_count(text, rule, err);
    case VALUE_PROBABILITY:
        return read_probability(text, &rule->probability, err);
    case VALUE_CLASS:
        rule->class_name = text;
        if (!text.length)
            return error_set(err, ERR_INVALID, "'%s' needs a class, as in %s=Rights",
                             kinds[rule->kind].name, kinds[rule->kind].name);
        return ERR_OK;
    case VALUE_NONE:
        if (text.length)
            return error_set(err, ERR_INVALID, "'%s' takes no value", kinds[rule->kind].name);
        return ERR_OK;
    }
    return ERR_OK;
}

static enum error_code read_kind(struct rule *rule, struct text name, struct error *err)
{
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        if (!text_equal(name, text_of(kinds[kind].name)))
            continue;
        rule->kind = (enum fault_kind)kind;
        return ERR_OK;
    }
    return error_set(err, ERR_INVALID, "there is no fault '%.*s'", TEXT_ARGS(name));
}

static enum error_code read_op(struct rule *rule, struct text value, struct error *err)
{
    rule->op = fault_op_read(value);
    if (rule->op == OP_USUAL)
        return error_set(err, ERR_INVALID, "there is no operation '%.*s'", TEXT_ARGS(value));
    return ERR_OK;
}

static enum error_code read_key(struct rule *rule, struct text key, struct text value,
                                struct instant now, struct error *err)
{
    uint64_t number = 0;
    int64_t ms = 0;
    enum error_code code = ERR_OK;
    if (text_equal(key, TEXT("op"))) {
        code = read_op(rule, value, err);
    } else if (text_equal(key, TEXT("cluster"))) {
        rule->cluster = value;
    } else if (text_equal(key, TEXT("infobase"))) {
        rule->infobase = value;
    } else if (text_equal(key, TEXT("user"))) {
        rule->user = value;
    } else if (text_equal(key, TEXT("session"))) {
        rule->has_session = true;
        code = uuid_read(value, &rule->session, err);
    } else if (text_equal(key, TEXT("number"))) {
        code = text_u64(value, UINT32_MAX, &number, err);
        rule->number = (uint32_t)number;
    } else if (text_equal(key, TEXT("port"))) {
        code = text_u64(value, UINT16_MAX, &number, err);
        rule->port = (uint16_t)number;
    } else if (text_equal(key, TEXT("times"))) {
        code = text_u64(value, UINT32_MAX, &rule->times, err);
    } else if (text_equal(key, TEXT("skip"))) {
        code = text_u64(value, UINT32_MAX, &rule->skip, err);
    } else if (text_equal(key, TEXT("p"))) {
        code = read_probability(value, &rule->probability, err);
    } else if (text_equal(key, TEXT("for"))) {
        code = text_duration_ms(value, &ms, err);
        rule->until = instant_add_ms(now, ms);
    } else {
        code = error_set(err, ERR_INVALID, "there is no key '%.*s'", TEXT_ARGS(key));
    }
    return code;
}

static enum error_code read_rule(struct rule *rule, struct instant now, struct error *err)
{
    struct text rest = text_of(rule->spec);
    struct text value = take_until(&rest, ',');
    struct text name = take_until(&value, '=');
    enum error_code code = read_kind(rule, name, err);
    if (!code)
        code = read_value(rule, value, err);
    while (!code && rest.length) {
        value = take_until(&rest, ',');
        name = take_until(&value, '=');
        code = read_key(rule, name, value, now, err);
    }
    return code;
}

enum error_code faults_add(struct faults *faults, struct text spec, struct instant now,
                           uint32_t *ret_id, struct error *err)
{
    if (!text_valid(spec))
        return error_set(err, ERR_INVALID, "a fault is UTF-8 text");
    if (faults->count == RULES_MAX)
        return error_set(err, ERR_FULL, "there are %d faults already", RULES_MAX);
    struct rule rule = {
        .spec = mem_text(spec.at, spec.length),
        .op = OP_USUAL,
        .probability = 1,
        .times = UINT64_MAX,
        .until = INSTANT_NEVER,
    };
    enum error_code code = read_rule(&rule, now, err);
    if (code) {
        error_wrap(err, "fault '%s'", rule.spec);
        free(rule.spec);
        return code;
    }
    rule.id = ++faults->last_id;
    faults->rules = mem_resize(faults->rules, faults->count + 1, sizeof rule);
    faults->rules[faults->count++] = rule;
    if (ret_id)
        *ret_id = rule.id;
    return ERR_OK;
}

bool faults_remove(struct faults *faults, uint32_t id)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->rules[i].id != id)
            continue;
        free(faults->rules[i].spec);
        memmove(&faults->rules[i], &faults->rules[i + 1],
                (faults->count - i - 1) * sizeof *faults->rules);
        faults->count--;
        return true;
    }
    return false;
}

/* ---- choosing ---- */

static bool is_list(int op)
{
    const struct ras_message_row *row =
        op >= 0 && op < 256 ? ras_message_by_request((uint8_t)op) : NULL;
    return row && row->shape == RAS_SHAPE_LIST;
}

static bool is_change(int op)
{
    const struct ras_message_row *row =
        op >= 0 && op < 256 ? ras_message_by_request((uint8_t)op) : NULL;
    return row && row->changes;
}

/* What a rule without `op` hits. */
static bool usual_op(enum fault_kind kind, int op)
{
    switch (kind) {
    case FAULT_EMPTY:
    case FAULT_PARTIAL:
    case FAULT_HUGE_COUNT:
        return is_list(op);
    case FAULT_CREDENTIALS:
        return op == RAS_AUTHENTICATE_CLUSTER;
    case FAULT_STAY:
        return op == RAS_TERMINATE_SESSION;
    case FAULT_LIE:
        return is_change(op);
    case FAULT_REFUSE:
        return op == FAULT_OP_ACCEPT;
    default:
        return op < 256;
    }
}

static bool same_cluster(const struct rule *rule, const struct fault_request *request)
{
    struct uuid uuid;
    if (!rule->cluster.length)
        return true;
    if (request->cluster && uuid_read(rule->cluster, &uuid, NULL) == ERR_OK)
        return uuid_equal(&uuid, request->cluster);
    return text_same_name(rule->cluster, request->cluster_name);
}

static bool matches(const struct rule *rule, const struct fault_request *request)
{
    if (rule->op == OP_USUAL ? !usual_op(rule->kind, request->op)
                             : rule->op != OP_ANY && rule->op != request->op)
        return false;
    if (!same_cluster(rule, request) || (rule->port && rule->port != request->port))
        return false;
    if (rule->infobase.length && !text_same_name(rule->infobase, request->infobase_name))
        return false;
    if (rule->user.length && !text_equal(rule->user, request->user))
        return false;
    if (rule->number && rule->number != request->number)
        return false;
    return !rule->has_session || (request->session && uuid_equal(&rule->session, request->session));
}

static bool over(const struct rule *rule, struct instant now)
{
    return rule->hits >= rule->times || instant_passed(now, rule->until);
}

static bool fires(struct faults *faults, struct rule *rule, const struct fault_request *request,
                  struct instant now)
{
    if (over(rule, now) || !matches(rule, request))
        return false;
    if (rule->seen++ < rule->skip)
        return false;
    if (rule->probability < 1 && !rng_chance(&faults->rng, rule->probability))
        return false;
    rule->hits++;
    return true;
}

static void apply(struct fault_plan *plan, enum fault_kind kind, int64_t value, struct text name)
{
    plan->kinds |= UINT64_C(1) << kind;
    switch (kind) {
    case FAULT_DELAY:
        plan->delay_ms += value;
        break;
    case FAULT_LATE:
        plan->late_ms += value;
        break;
    case FAULT_STAY:
        plan->stay_ms = value;
        break;
    case FAULT_PARTIAL:
        plan->partial = value;
        break;
    case FAULT_CUT:
        plan->cut = value;
        break;
    case FAULT_PIECES:
        plan->pieces = value ? value : 1;
        break;
    case FAULT_KEEP_ALIVE:
        plan->keep_alive = value;
        break;
    case FAULT_SHORT:
        plan->cut_short = value;
        break;
    case FAULT_EXTRA:
        plan->extra = value;
        break;
    case FAULT_GARBAGE:
        plan->garbage = value;
        break;
    case FAULT_ERROR:
        plan->error = name;
        break;
    case FAULT_ERROR_AFTER:
        plan->error_after = name;
        break;
    default:
        break;
    }
}

static void apply_chaos(struct faults *faults, struct fault_plan *plan)
{
    size_t count = sizeof chaotic / sizeof *chaotic;
    enum fault_kind kind = chaotic[rng_below(&faults->rng, count)];
    int64_t value = rng_between(&faults->rng, 1, 40);
    if (kind == FAULT_DELAY || kind == FAULT_LATE || kind == FAULT_STAY)
        value = rng_between(&faults->rng, 1, 3000);
    apply(plan, kind, value, TEXT("swp.UnknownThrowable"));
}

struct fault_plan faults_pick(struct faults *faults, const struct fault_request *request,
                              struct instant now)
{
    struct fault_plan plan = {0};
    for (size_t i = 0; i < faults->count; i++) {
        struct rule *rule = &faults->rules[i];
        if (rule->kind == FAULT_REFUSE || !fires(faults, rule, request, now))
            continue;
        if (rule->kind == FAULT_CHAOS)
            apply_chaos(faults, &plan);
        else
            apply(&plan, rule->kind, rng_between(&faults->rng, rule->from, rule->to),
                  rule->class_name);
    }
    return plan;
}

bool faults_refuse(struct faults *faults, const struct fault_request *request, struct instant now)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct rule *rule = &faults->rules[i];
        if (rule->kind == FAULT_REFUSE && !over(rule, now) && matches(rule, request))
            return true;
    }
    return false;
}

/* ---- showing ---- */

static void print_string(struct buf *out, const char *text)
{
    buf_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_byte(out, '\\');
        if ((unsigned char)*text < 0x20)
            buf_format(out, "\\u%04x", *text);
        else
            buf_byte(out, (uint8_t)*text);
    }
    buf_byte(out, '"');
}

void faults_print(const struct faults *faults, struct instant now, struct buf *out)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < faults->count; i++) {
        const struct rule *rule = &faults->rules[i];
        buf_format(out, "%s{\"id\":%u,\"spec\":", i ? "," : "", rule->id);
        print_string(out, rule->spec);
        buf_format(out, ",\"seen\":%llu,\"hits\":%llu,\"over\":%s}", (unsigned long long)rule->seen,
                   (unsigned long long)rule->hits, over(rule, now) ? "true" : "false");
    }
    buf_byte(out, ']');
}

void fault_plan_print(const struct fault_plan *plan, struct buf *out)
{
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++)
        if (fault_has(plan, (enum fault_kind)kind))
            buf_format(out, "%s%s", out->length ? "," : "", kinds[kind].name);
}

size_t faults_count(const struct faults *faults)
{
    return faults->count;
}

void faults_help(struct buf *out)
{
    static const char *const values[] = {
        [VALUE_NONE] = "",        [VALUE_TIME] = "=TIME",         [VALUE_COUNT] = "=N",
        [VALUE_CLASS] = "=CLASS", [VALUE_STAY] = "=TIME|forever", [VALUE_PROBABILITY] = "=P",
    };
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        char name[48];
        snprintf(name, sizeof name, "%s%s", kinds[kind].name, values[kinds[kind].value]);
        buf_format(out, "  %-24s %s\n", name, kinds[kind].meaning);
    }
    buf_str(out, "OP is one of");
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
        buf_format(out, "%s%s", i % 9 ? " " : "\n  ", short_forms[i].name);
    buf_str(out, ",\nor the name of any message as the log has it. CLASS is one of");
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        buf_format(out, "%s%s", i % 4 ? " " : "\n  ", classes[i]);
    buf_str(out, ",\nor any other, which is answered as it is written.\n");
}

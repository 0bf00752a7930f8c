#include "kafka/settings.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/suggest.h"

struct refused {
    const char *key;
    const char *reason;
};

static const struct refused refused_keys[] = {
#define REFUSED(key, reason) {key, reason},
#include "kafka/refused.def"
#undef REFUSED
};

/* Parts of the names of keys whose values are secrets in librdkafka's CONFIGURATION.md. */
static const char *const secret_parts[] = {"password", "secret", ".pem", "oauthbearer.config",
                                           "token"};

enum {
    KEY_MAX = 128,           /* bytes of a librdkafka key; the longest one has 45 */
    DELIVERY_DEFAULT = 8000, /* below LICENCE_AGE_MS: an answer that comes later is of no use */
};

static bool contains(struct text text, const char *part)
{
    return memmem(text.at, text.length, part, strlen(part)) != NULL;
}

bool kafka_key_is_secret(struct text key)
{
    for (size_t i = 0; i < sizeof secret_parts / sizeof *secret_parts; i++)
        if (contains(key, secret_parts[i]))
            return true;
    return false;
}

const char *kafka_key_wants_file(struct text key)
{
    static const char suffix[] = "_file";
    size_t tail = sizeof suffix - 1;
    if (text_equal(key, TEXT("ssl.key.pem")))
        return "write ssl.key.location: PATH";
    if (key.length > tail && !memcmp(key.at + key.length - tail, suffix, tail))
        return NULL;
    if (contains(key, "password") || contains(key, "secret"))
        return "write the path of a file as the value of the same name with _file behind it";
    return NULL;
}

const char *kafka_key_refused(struct text key)
{
    for (size_t i = 0; i < sizeof refused_keys / sizeof *refused_keys; i++)
        if (text_equal(key, text_of(refused_keys[i].key)))
            return refused_keys[i].reason;
    return NULL;
}

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}

void kafka_settings_init(struct kafka_settings *settings)
{
    *settings = (struct kafka_settings){
        .brokers = "",
        .group = "curfew",
        .topics = {.commands = "curfew.commands",
                   .control = "curfew.control",
                   .events = "curfew.events",
                   .journal = "curfew.journal",
                   .dead_letters = "curfew.dead-letters"},
        .delivery_ms = DELIVERY_DEFAULT,
    };
}

/* free() that leaves no copy of a secret behind. */
static void wipe_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void kafka_settings_release(struct kafka_settings *settings)
{
    for (int scope = 0; scope < KAFKA_SCOPE_COUNT; scope++) {
        struct kafka_pairs *pairs = &settings->pairs[scope];
        for (size_t i = 0; i < pairs->count; i++) {
            free(pairs->at[i].key);
            wipe_free(pairs->at[i].value);
        }
        free(pairs->at);
    }
    free(settings->brokers_override);
    free(settings->group_override);
    *settings = (struct kafka_settings){.brokers = ""};
}

/* Of librdkafka's own list, those that may be set here. Returns how many. */
static size_t add_names(const char **dump, size_t count, const char **names)
{
    size_t added = 0;
    for (size_t i = 0; i + 1 < count; i += 2) /* name and value by turns */
        if (!kafka_key_refused(text_of(dump[i])))
            names[added++] = dump[i];
    return added;
}

static enum error_code unknown_key(const char *key, struct error *err)
{
    size_t of_clients, of_topics;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_conf_t *topic = rd_kafka_topic_conf_new();
    const char **client_dump = rd_kafka_conf_dump(conf, &of_clients);
    const char **topic_dump = rd_kafka_topic_conf_dump(topic, &of_topics);
    const char **names = mem_alloc(of_clients + of_topics, sizeof *names);
    size_t count = add_names(client_dump, of_clients, names);
    count += add_names(topic_dump, of_topics, names + count);
    const char *near = suggest(key, names, count);
    if (near)
        error_set(err, ERR_CONFIG, "librdkafka %s has no property '%s'; did you mean '%s'?",
                  kafka_library_version(), key, near);
    else
        error_set(err, ERR_CONFIG,
                  "librdkafka %s has no property '%s' (newer versions may have it)",
                  kafka_library_version(), key);
    free(names);
    rd_kafka_conf_dump_free(topic_dump, of_topics);
    rd_kafka_conf_dump_free(client_dump, of_clients);
    rd_kafka_topic_conf_destroy(topic);
    rd_kafka_conf_destroy(conf);
    return err->code;
}

/* Tries the pair on librdkafka: names and values are judged by the library that will use them. */
static enum error_code try_pair(const char *key, const char *value, struct error *err)
{
    char said[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, said, sizeof said);
    rd_kafka_conf_destroy(conf);
    if (result == RD_KAFKA_CONF_OK)
        return ERR_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        return unknown_key(key, err);
    if (kafka_key_is_secret(text_of(key))) /* librdkafka's text repeats the value */
        return error_set(err, ERR_CONFIG, "librdkafka %s refuses the value of '%s' (not shown)",
                         kafka_library_version(), key);
    AUTO_BUF printable;
    buf_init(&printable, sizeof said * 10);
    text_printable(&printable, text_of(said));
    return error_set(err, ERR_CONFIG, "librdkafka %s refuses '%s': %s", kafka_library_version(),
                     key, buf_text(&printable));
}

static struct kafka_pair *find_pair(struct kafka_pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->at[i].key, key) == 0)
            return &pairs->at[i];
    return NULL;
}

static enum error_code put_pair(struct kafka_pairs *pairs, const char *key, struct text value,
                                struct error *err)
{
    struct kafka_pair *pair = find_pair(pairs, key);
    if (!pair) {
        if (pairs->count == KAFKA_PAIRS_MAX)
            return error_set(err, ERR_CONFIG, "more than %d librdkafka properties in one list",
                             KAFKA_PAIRS_MAX);
        pairs->at = mem_resize(pairs->at, pairs->count + 1, sizeof *pairs->at);
        pair = &pairs->at[pairs->count++];
        *pair = (struct kafka_pair){.key = mem_text(key, strlen(key))};
    }
    wipe_free(pair->value);
    pair->value = mem_text(value.at ? value.at : "", value.length);
    return ERR_OK;
}

static enum error_code check_key(struct text key, struct error *err)
{
    if (key.length == 0 || key.length > KEY_MAX || !text_valid(key))
        return error_set(err, ERR_CONFIG, "a librdkafka property needs a name of 1 to %d bytes",
                         KEY_MAX);
    for (size_t i = 0; i < key.length; i++) {
        unsigned char byte = (unsigned char)key.at[i];
        if (byte <= ' ' || byte >= 127)
            return error_set(err, ERR_CONFIG, "librdkafka property names are ASCII without blanks");
    }
    const char *reason = kafka_key_refused(key);
    if (reason)
        return error_set(err, ERR_CONFIG, "'%.*s' cannot be set: %s", TEXT_ARGS(key), reason);
    return ERR_OK;
}

static enum error_code set_plain(struct kafka_settings *settings, enum kafka_scope scope,
                                 struct text key, struct text value, struct error *err)
{
    if (value.length > KAFKA_VALUE_MAX || !text_valid(value))
        return error_set(err, ERR_CONFIG, "the value of '%.*s' is not text of at most %d bytes",
                         TEXT_ARGS(key), KAFKA_VALUE_MAX);
    char *name = mem_text(key.at, key.length);
    char *copy = mem_text(value.at ? value.at : "", value.length);
    enum error_code code = try_pair(name, copy, err);
    if (!code)
        code = put_pair(&settings->pairs[scope], name, value, err);
    wipe_free(copy);
    free(name);
    return code;
}

/* `sasl.password_file` and the like: the first line of the file is the value. */
static enum error_code set_from_file(struct kafka_settings *settings, enum kafka_scope scope,
                                     struct text key, struct text path, struct error *err)
{
    AUTO_FREE char *name = mem_text(path.at ? path.at : "", path.length);
    struct secret *secret;
    if (secret_load(name, &secret, err))
        return error_wrap(err, "'%.*s_file'", TEXT_ARGS(key));
    enum error_code code = set_plain(settings, scope, key, secret_reveal(secret), err);
    secret_destroy(secret);
    return code;
}

enum error_code kafka_settings_set(struct kafka_settings *settings, enum kafka_scope scope,
                                   struct text key, struct text value, struct error *err)
{
    CHECK(scope < KAFKA_SCOPE_COUNT);
    if (check_key(key, err))
        return err ? err->code : ERR_CONFIG;
    static const char suffix[] = "_file";
    size_t tail = sizeof suffix - 1;
    if (key.length > tail && memcmp(key.at + key.length - tail, suffix, tail) == 0) {
        struct text stem = {key.at, key.length - tail};
        if (kafka_key_is_secret(stem))
            return set_from_file(settings, scope, stem, value, err);
    }
    return set_plain(settings, scope, key, value, err);
}

enum error_code kafka_settings_override(struct kafka_settings *settings, struct text assignment,
                                        struct error *err)
{
    const char *equals = assignment.length ? memchr(assignment.at, '=', assignment.length) : NULL;
    if (!equals || equals == assignment.at)
        return error_set(err, ERR_USAGE, "-X needs key=value, as in -X security.protocol=ssl");
    struct text key = {assignment.at, (size_t)(equals - assignment.at)};
    struct text value = {equals + 1, assignment.length - key.length - 1};
    char **own = NULL;
    if (text_equal(key, TEXT("bootstrap.servers")) || text_equal(key, TEXT("metadata.broker.list")))
        own = &settings->brokers_override;
    else if (text_equal(key, TEXT("group.id")))
        own = &settings->group_override;
    if (!own)
        return kafka_settings_set(settings, KAFKA_COMMON, key, value, err);
    if (value.length == 0 || !text_valid(value))
        return error_set(err, ERR_USAGE, "-X %.*s= needs a value", TEXT_ARGS(key));
    free(*own);
    *own = mem_text(value.at, value.length);
    return ERR_OK;
}

const char *kafka_settings_brokers(const struct kafka_settings *settings)
{
    if (settings->brokers_override)
        return settings->brokers_override;
    return settings->brokers ? settings->brokers : "";
}

const char *kafka_settings_group(const struct kafka_settings *settings)
{
    if (settings->group_override)
        return settings->group_override;
    return settings->group ? settings->group : "";
}

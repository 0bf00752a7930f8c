#include "sim/rac/words.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

enum { RAS_PORT = 1545, NEW_CONFIGURATION = 805000, WITHOUT_INFOBASE_USER = 805004 };

static const struct words_command commands[] = {
    {{"cluster", "list"}, RAS_GET_CLUSTERS, {0}, {0}, 0},
    {{"cluster", "info"}, RAS_GET_CLUSTER_INFO, {0}, {0}, 0},
    {{"infobase", "summary", "list"}, RAS_GET_INFOBASES_SHORT, {0}, {0}, 0},
    {{"infobase", "info"}, RAS_GET_INFOBASE_INFO, {"infobase"}, {0}, 0},
    {{"infobase", "update"},
     RAS_UPDATE_INFOBASE,
     {"infobase"},
     {"sessions-deny", "denied-from", "denied-to", "denied-message", "denied-parameter",
      "permission-code", "scheduled-jobs-deny"},
     0},
    {{"session", "list"}, RAS_GET_SESSIONS, {0}, {"infobase"}, 0},
    {{"session", "info"}, RAS_GET_SESSION_INFO, {"session"}, {0}, 0},
    {{"session", "terminate"}, RAS_TERMINATE_SESSION, {"session"}, {"error-message"}, 0},
    {{"session", "interrupt-current-server-call"},
     RAS_INTERRUPT_SESSION,
     {"session"},
     {"error-message"},
     803021},
    {{"connection", "list"}, RAS_GET_INFOBASE_CONNECTIONS, {"infobase"}, {0}, 0},
    {{"connection", "disconnect"}, RAS_DISCONNECT, {"process", "connection"}, {0}, 0},
    {{"process", "list"}, RAS_GET_WORKING_PROCESSES, {0}, {0}, 0},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands, WORDS_MAX = 8, COMMAND_WORDS = 3 };

unsigned words_version(const char *text)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    int count = sscanf(text, "%u.%u.%u", &a, &b, &c);
    CHECK(count == 3);
    return a * 100000 + b * 1000 + c;
}

const char *words_option(const struct words *words, const char *name)
{
    for (size_t i = 0; i < words->option_count; i++)
        if (!strcmp(words->options[i].name, name))
            return words->options[i].value;
    return NULL;
}

struct uuid words_uuid(const struct words *words, const char *name)
{
    struct uuid uuid = {{0}};
    const char *value = words_option(words, name);
    if (value && uuid_read(text_of(value), &uuid, NULL))
        return (struct uuid){{0}};
    return uuid;
}

void words_operation(const struct words *words, char ret[64])
{
    const struct words_command *command = words->command;
    snprintf(ret, 64, "%s", command ? command->words[0] : "unknown");
    for (size_t i = 1; command && i < COMMAND_WORDS && command->words[i]; i++) {
        size_t length = strlen(ret);
        snprintf(ret + length, 64 - length, "-%s", command->words[i]);
    }
}

/* How many words of `plain` the command takes; 0: it is not this one. */
static size_t match(const struct words_command *command, char *const *plain, size_t count)
{
    size_t length = 0;
    for (; length < COMMAND_WORDS && command->words[length]; length++)
        if (length >= count || strcmp(plain[length], command->words[length]) != 0)
            return 0;
    return length;
}

static bool find_command(struct words *words, char *const *plain, size_t count, unsigned version,
                         size_t *ret_length)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t length = match(&commands[i], plain, count);
        if (!length || version < commands[i].since)
            continue;
        words->command = &commands[i];
        *ret_length = length;
        return true;
    }
    return false;
}

static void read_address(struct words *words, const char *text)
{
    uint64_t port = RAS_PORT;
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (colon && text_u64(text_of(colon + 1), UINT16_MAX, &port, NULL))
        port = 0;
    snprintf(words->host, sizeof words->host, "%.*s", (int)length, text);
    words->port = (uint16_t)port;
}

static bool is_among(const char *const *names, size_t max, const char *name)
{
    for (size_t i = 0; i < max && names[i]; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static bool is_known(const struct words_command *command, const char *name, unsigned version)
{
    static const char *const common[] = {"cluster", "cluster-user", "cluster-pwd", NULL};
    static const char *const infobase[] = {"infobase-user", "infobase-pwd", NULL};
    if (!strcmp(name, "error-message") && version < 803021)
        return false;
    if (is_among(infobase, 2, name))
        return version < WITHOUT_INFOBASE_USER &&
               (is_among(command->needs, 3, "infobase") || command->request == RAS_DISCONNECT);
    return is_among(common, 3, name) || is_among(command->needs, 3, name) ||
           is_among(command->options, 9, name);
}

static bool is_uuid(const char *text)
{
    struct uuid uuid;
    return text && !uuid_read(text_of(text), &uuid, NULL);
}

static const char *find_wrong(const struct words *words, unsigned version)
{
    const struct words_command *command = words->command;
    for (size_t i = 0; i < words->option_count; i++)
        if (!is_known(command, words->options[i].name, version))
            return words->options[i].name;
    if (command->request != RAS_GET_CLUSTERS && !is_uuid(words_option(words, "cluster")))
        return "cluster";
    for (size_t i = 0; i < 3 && command->needs[i]; i++)
        if (!is_uuid(words_option(words, command->needs[i])))
            return command->needs[i];
    return NULL;
}

void words_read(int argc, char **argv, unsigned version, struct words *ret)
{
    char *plain[WORDS_MAX] = {0};
    size_t count = 0;
    size_t length = 0;
    *ret = (struct words){.port = RAS_PORT, .host = "localhost"};
    for (int i = 1; i < argc; i++) {
        bool option = !strncmp(argv[i], "--", 2);
        char *equals = option ? strchr(argv[i], '=') : NULL;
        if (!option && count < WORDS_MAX)
            plain[count++] = argv[i];
        if (!option || ret->option_count == WORDS_OPTIONS_MAX)
            continue;
        if (equals)
            *equals = '\0';
        ret->options[ret->option_count++] =
            (struct words_option){argv[i] + 2, equals ? equals + 1 : ""};
    }
    bool first = find_command(ret, plain, count, version, &length);
    if (!first && count && !find_command(ret, plain + 1, count - 1, version, &length))
        return;
    if (!ret->command)
        return;
    if (!first)
        read_address(ret, plain[0]);
    else if (count > length)
        read_address(ret, plain[length]);
    ret->wrong = find_wrong(ret, version);
}

/* ---- texts ---- */

static const struct {
    const char *class_name;
    const char *russian;
    const char *english;
} texts[] = {
#define ADMIN "v8.service.Admin.Cluster#"
#define ROW(NAME, name, class_name, russian, english) {class_name, russian, english},
#include "sim/ras/error.def"
};

void words_refusal(const char *remote_class, bool english, unsigned version, struct buf *out)
{
    size_t found = 0;
    while (found < sizeof texts / sizeof *texts &&
           strcmp(texts[found].class_name, remote_class) != 0)
        found++;
    if (version < NEW_CONFIGURATION)
        buf_str(out, english ? "Administration operation error\n"
                             : "Ошибка операции администрирования\n");
    if (found == sizeof texts / sizeof *texts) {
        buf_format(out, "%s\n", remote_class);
        return;
    }
    const char *text = english ? texts[found].english : texts[found].russian;
    const char *gap = strstr(text, "%s"); /* what it names is told by the wire's text alone */
    buf_add(out, text, gap ? (size_t)(gap - text) : strlen(text));
    buf_str(out, gap ? gap + 2 : "");
    buf_byte(out, '\n');
}

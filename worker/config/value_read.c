/* From one text to one field, by the row's type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "base/zone.h"
#include "config/read.h"

/* What every reader of a value gets. */
struct task {
    const struct key_row *row;
    const char *path;
    uint32_t line;
    void *base;
    struct problems *problems;
    bool no_passwords;
};

static void *field_of(const struct task *task)
{
    return (char *)task->base + task->row->offset;
}

/* The problem with its key before it and what the key takes behind it. */
static void bad(const struct task *task, uint32_t line, const char *what)
{
    AUTO_BUF range;
    buf_init(&range, 512);
    value_range(task->row, &range);
    problem_add(task->problems, line, "%s: %s%s%s", task->path, what,
                range.length ? "; write " : "", buf_text(&range));
}

static void bad_text(const struct task *task, uint32_t line, struct text text, const char *what)
{
    AUTO_BUF message;
    buf_init(&message, ERROR_MESSAGE_MAX);
    buf_str(&message, "'");
    text_printable(&message, text.length > 80 ? (struct text){text.at, 80} : text);
    buf_format(&message, "' %s", what);
    bad(task, line, buf_text(&message));
}

static uint64_t number_of(const char *text)
{
    uint64_t value;
    enum error_code failed = text_u64(text_of(text), UINT64_MAX, &value, NULL);
    CHECK(!failed);
    return value;
}

static int64_t duration_of(const char *text)
{
    int64_t ms;
    enum error_code failed = text_duration_ms(text_of(text), &ms, NULL);
    CHECK(!failed);
    return ms;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (is_control(text.at[i]))
            return true;
    return false;
}

/* Kafka's rule for topic names; also right for group and member ids. */
static bool is_plain_name(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-')
            return false;
    }
    return text.length >= 1 && text.length <= 249 && !text_equal(text, TEXT(".")) &&
           !text_equal(text, TEXT(".."));
}

/* The place of the word in "a|b|c", or -1. */
static int choice_of(const char *words, struct text text)
{
    for (int place = 0; *words; place++) {
        size_t length = strcspn(words, "|");
        if (text_equal((struct text){words, length}, text))
            return place;
        words += length + (words[length] == '|');
    }
    return -1;
}

/* ---- scalars ---- */

static void keep_text(const struct task *task, struct text text)
{
    char **field = field_of(task);
    free(*field);
    *field = mem_text(text.at ? text.at : "", text.length);
}

static void read_text(const struct task *task, struct text text)
{
    const struct key_row *row = task->row;
    if (has_control(text))
        bad_text(task, task->line, text, "has control characters");
    else if (row->max[0] && text.length > number_of(row->max))
        bad_text(task, task->line, text, "is too long");
    else if (row->min[0] && text.length < number_of(row->min))
        bad(task, task->line, "this must not be empty");
    else
        keep_text(task, text);
}

static void read_name(const struct task *task, struct text text)
{
    if (!is_plain_name(text))
        bad_text(task, task->line, text,
                 "is not a name: letters, digits, '.', '_' and '-', 1 to "
                 "249 of them");
    else
        keep_text(task, text);
}

static void read_cluster_name(const struct task *task, struct text text)
{
    struct uuid uuid;
    if (!uuid_read(text, &uuid, NULL))
        bad(task, task->line, "a UUID is no name: put it into 'cluster', and give a name here");
    else
        read_text(task, text);
}

static void read_zone(const struct task *task, struct text text)
{
    if (!text.length || zone_exists(text))
        keep_text(task, text);
    else
        bad_text(task, task->line, text,
                 "is not a time zone that this machine knows; write one like Europe/Moscow (its "
                 "package is called tzdata)");
}

/* The account's password follows its file's name. */
static void read_password(const struct task *task, struct text text)
{
    if (!text.length) {
        keep_text(task, text);
        return;
    }
    struct config_account *account =
        (struct config_account *)((char *)field_of(task) -
                                  offsetof(struct config_account, password_file));
    read_text(task, text);
    struct error err;
    secret_destroy(account->password);
    account->password = NULL;
    if (!task->no_passwords && secret_load(account->password_file, &account->password, &err))
        problem_add(task->problems, task->line, "%s: %s", task->path, err.message);
}

static void read_count(const struct task *task, struct text text)
{
    uint64_t value;
    struct error err;
    if (text_equal(text, TEXT("auto")) && task->row->initial && !strcmp(task->row->initial, "auto"))
        value = 0; /* config_finish() works it out */
    else if (text_u64(text, UINT32_MAX, &value, &err)) {
        bad(task, task->line, err.message);
        return;
    } else if (value < number_of(task->row->min) || value > number_of(task->row->max)) {
        bad_text(task, task->line, text, "is out of range");
        return;
    }
    *(uint32_t *)field_of(task) = (uint32_t)value;
}

static void read_version(const struct task *task, struct text text)
{
    struct text whole = text;
    uint64_t value;
    if (text.length > 2 && !memcmp(text.at + text.length - 2, ".0", 2))
        whole.length -= 2;
    if (text_u64(whole, 99, &value, NULL) || value < 3 || value > 16)
        bad_text(task, task->line, text, "is not a protocol version");
    else
        *(uint32_t *)field_of(task) = (uint32_t)value;
}

static void read_duration(const struct task *task, struct text text)
{
    int64_t ms;
    struct error err;
    if (text_duration_ms(text, &ms, &err))
        bad(task, task->line, err.message);
    else if (ms < duration_of(task->row->min) || ms > duration_of(task->row->max))
        bad_text(task, task->line, text, "is out of range");
    else
        *(int64_t *)field_of(task) = ms;
}

static void read_bool(const struct task *task, struct text text)
{
    if (text_equal(text, TEXT("true")))
        *(bool *)field_of(task) = true;
    else if (text_equal(text, TEXT("false")))
        *(bool *)field_of(task) = false;
    else
        bad_text(task, task->line, text, "is neither");
}

static void read_choice(const struct task *task, struct text text)
{
    int place = choice_of(task->row->min, text);
    if (place >= 0)
        *(int *)field_of(task) = place;
    else if (task->row->type == KEY_CHOICE && choice_of(task->row->max, text) >= 0)
        bad_text(task, task->line, text, "is not supported by this version");
    else
        bad_text(task, task->line, text, "is not one of the words that are known here");
}

static void read_level(const struct task *task, struct text text)
{
    char word[16];
    snprintf(word, sizeof word, "%.*s", TEXT_ARGS(text));
    if (!log_level_read(word, field_of(task)))
        bad_text(task, task->line, text, "is not a level");
}

/* ---- addresses ---- */

/* host, host:port, [v6], [v6]:port, or a bare v6. NULL, or what is wrong. */
static const char *endpoint_read(struct text text, uint16_t port, struct text *ret_host,
                                 uint16_t *ret_port)
{
    struct text host = text;
    struct text rest = {NULL, 0};
    const char *colon = text.length ? memrchr(text.at, ':', text.length) : NULL;
    const char *first = text.length ? memchr(text.at, ':', text.length) : NULL;
    if (text.length && text.at[0] == '[') {
        const char *end = memchr(text.at, ']', text.length);
        if (!end)
            return "has no closing bracket";
        host = (struct text){text.at + 1, (size_t)(end - text.at) - 1};
        rest = (struct text){end + 1, text.length - host.length - 2};
        if (rest.length && rest.at[0] != ':')
            return "has something between the bracket and the port";
    } else if (colon && colon == first) { /* two colons and no bracket: a bare IPv6 address */
        host.length = (size_t)(colon - text.at);
        rest = (struct text){colon, text.length - host.length};
    }
    uint64_t value = port;
    if (rest.length && text_u64((struct text){rest.at + 1, rest.length - 1}, 65535, &value, NULL))
        return "has no port number (1..65535) behind the colon";
    if (!host.length || host.length > 253)
        return "has no host name";
    for (size_t i = 0; i < host.length; i++)
        if ((unsigned char)host.at[i] <= ' ' || strchr("/@,[]?#'\"", host.at[i]))
            return "has a character that no host name has";
    *ret_host = host;
    *ret_port = (uint16_t)value;
    return NULL;
}

static void read_listen(const struct task *task, struct text text)
{
    struct config_address *field = field_of(task);
    struct text host = {"", 0};
    uint16_t port = 0;
    if (!text_equal(text, TEXT("off"))) {
        struct address address;
        const char *what = endpoint_read(text, 9464, &host, &port);
        if (!what && !text_equal(host, TEXT("localhost")) && !address_read(host, &address))
            what = "begins with no address of this machine, like 127.0.0.1";
        if (what) {
            bad_text(task, task->line, text, what);
            return;
        }
    }
    free(field->host);
    *field = (struct config_address){mem_text(host.at, host.length), port};
}

/* ---- lists ---- */

static void list_add(struct config_list *list, struct text text)
{
    list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_text(text.at ? text.at : "", text.length);
}

static void read_address_item(const struct task *task, uint32_t line, struct text text)
{
    struct text host;
    uint16_t port;
    const char *what = endpoint_read(text, (uint16_t)number_of(task->row->min), &host, &port);
    if (!what && port == 0)
        what = "has port 0";
    struct config_addresses *list = field_of(task);
    if (!what && list->count == LIMIT_ADDRESSES)
        what = "is one address too many";
    if (what) {
        bad_text(task, line, text, what);
        return;
    }
    list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct config_address){mem_text(host.at, host.length), port};
}

static const char *wrong_item(const struct key_row *row, struct text text)
{
    struct text host;
    uint16_t port;
    const char *what;
    switch (row->type) {
    case KEY_BROKERS:
        what = endpoint_read(text, 0, &host, &port);
        return what ? what : port == 0 ? "has no port" : NULL;
    case KEY_TOPICS:
        return is_plain_name(text) ? NULL : "is not a topic name";
    case KEY_CHOICES:
        return choice_of(row->min, text) >= 0 ? NULL
                                              : "is not one of the words that are known here";
    default:
        if (!text.length || text.length > number_of(row->max))
            return "is empty or too long";
        return has_control(text) ? "has control characters" : NULL;
    }
}

static void read_item(const struct task *task, uint32_t line, struct text text)
{
    if (task->row->type == KEY_ADDRESSES) {
        read_address_item(task, line, text);
        return;
    }
    const char *what = wrong_item(task->row, text);
    if (what)
        bad_text(task, line, text, what);
    else
        list_add(field_of(task), text);
}

static struct text trimmed(struct text text)
{
    while (text.length && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct text){text.at + 1, text.length - 1};
    while (text.length && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
        text.length--;
    return text;
}

static void read_commas(const struct task *task, uint32_t line, struct text text)
{
    while (text.length) {
        const char *comma = memchr(text.at, ',', text.length);
        size_t length = comma ? (size_t)(comma - text.at) : text.length;
        read_item(task, line, trimmed((struct text){text.at, length}));
        length += comma != NULL;
        text = (struct text){text.at + length, text.length - length};
    }
}

static void read_list(const struct task *task, const struct given *given)
{
    const struct outline *node = given->node;
    value_release(task->row, task->base);
    if (node && node->kind == OUTLINE_SEQUENCE) {
        for (const struct outline *item = node->first; item; item = item->next)
            read_item(task, item->line, item->text);
    } else if (node && task->row->type == KEY_LIST) {
        read_item(task, node->line, node->text); /* names may have commas */
    } else {
        read_commas(task, given->line, node ? node->text : given->text);
    }
}

static void read_map(const struct task *task, const struct given *given)
{
    struct config_map *map = field_of(task);
    value_release(task->row, task->base);
    if (!given->node)
        return;
    map->items = mem_alloc(given->node->count + 1, sizeof *map->items);
    for (const struct outline *item = given->node->first; item; item = item->next)
        map->items[map->count++] =
            (struct config_pair){mem_text(item->key.at, item->key.length),
                                 mem_text(item->text.at, item->text.length), item->line};
}

/* ---- by type ---- */

static void read_scalar(const struct task *task, struct text text)
{
    switch (task->row->type) {
    case KEY_TEXT:
        read_text(task, text);
        return;
    case KEY_NAME:
    case KEY_TOPIC:
        read_name(task, text);
        return;
    case KEY_CLUSTER_NAME:
        read_cluster_name(task, text);
        return;
    case KEY_ZONE:
        read_zone(task, text);
        return;
    case KEY_PASSWORD_FILE:
        read_password(task, text);
        return;
    case KEY_COUNT:
        read_count(task, text);
        return;
    case KEY_VERSION:
        read_version(task, text);
        return;
    case KEY_DURATION:
        read_duration(task, text);
        return;
    case KEY_BOOL:
        read_bool(task, text);
        return;
    case KEY_CHOICE:
        read_choice(task, text);
        return;
    case KEY_LEVEL:
        read_level(task, text);
        return;
    case KEY_LISTEN:
        read_listen(task, text);
        return;
    default:
        CHECK(!"a list is no scalar");
    }
}

void value_read(const struct key_row *row, const char *path, const struct given *given, void *base,
                struct problems *problems)
{
    struct task task = {row, path, given->line, base, problems, given->no_passwords};
    if (row->type == KEY_MAP)
        read_map(&task, given);
    else if (!key_is_scalar(row->type))
        read_list(&task, given);
    else
        read_scalar(&task, given->text);
}

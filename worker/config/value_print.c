/* From one field back to text, as people write it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "config/read.h"

static const void *field_of(const struct key_row *row, const void *base)
{
    return (const char *)base + row->offset;
}

static void print_duration(struct buf *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ms && ms % units[i].ms == 0) {
            buf_format(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
            return;
        }
    buf_str(out, "0s");
}

static void print_choice(struct buf *out, const char *words, int place)
{
    for (; place > 0; place--)
        words = strchr(words, '|') + 1;
    buf_add(out, words, strcspn(words, "|"));
}

static void print_level(struct buf *out, enum log_level level)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum log_level known;
        if (log_level_read(words[i], &known) && known == level)
            buf_str(out, words[i]);
    }
}

static void print_address(struct buf *out, const struct config_address *address)
{
    if (strchr(address->host, ':'))
        buf_format(out, "[%s]:%u", address->host, address->port);
    else
        buf_format(out, "%s:%u", address->host, address->port);
}

static void print_list(struct buf *out, const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_format(out, "%s%s", i ? ", " : "", list->items[i]);
}

static void print_addresses(struct buf *out, const struct config_addresses *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_str(out, i ? ", " : "");
        print_address(out, &list->items[i]);
    }
}

/* Whatever may hold a password or key by its name; a file's name is none (I12). */
static bool may_be_secret(const char *key)
{
    static const char *const parts[] = {"password", "secret", "token",       "jaas",
                                        ".pem",     ".key",   "oauthbearer", "credential"};
    size_t length = strlen(key);
    if ((length > 5 && !strcmp(key + length - 5, "_file")) ||
        (length > 9 && !strcmp(key + length - 9, ".location")))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcasestr(key, parts[i]))
            return true;
    return false;
}

static void print_map(struct buf *out, const struct config_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        buf_format(out, "%s%s=%s", i ? ", " : "", map->items[i].name,
                   may_be_secret(map->items[i].name) ? "***" : map->items[i].value);
}

void value_print(const struct key_row *row, const void *base, struct buf *out)
{
    const void *field = field_of(row, base);
    switch (row->type) {
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_CLUSTER_NAME:
    case KEY_TOPIC:
    case KEY_ZONE:
    case KEY_PASSWORD_FILE: /* the file's name; the password has no way here */
        buf_str(out, *(char *const *)field);
        return;
    case KEY_COUNT:
        buf_format(out, "%u", *(const uint32_t *)field);
        return;
    case KEY_VERSION:
        buf_format(out, "%u.0", *(const uint32_t *)field);
        return;
    case KEY_DURATION:
        print_duration(out, *(const int64_t *)field);
        return;
    case KEY_BOOL:
        buf_str(out, *(const bool *)field ? "true" : "false");
        return;
    case KEY_CHOICE:
        print_choice(out, row->min, *(const int *)field);
        return;
    case KEY_LEVEL:
        print_level(out, *(const enum log_level *)field);
        return;
    case KEY_LISTEN:
        if (((const struct config_address *)field)->host[0])
            print_address(out, field);
        else
            buf_str(out, "off");
        return;
    case KEY_LIST:
    case KEY_BROKERS:
    case KEY_TOPICS:
    case KEY_CHOICES:
        print_list(out, field);
        return;
    case KEY_ADDRESSES:
        print_addresses(out, field);
        return;
    case KEY_MAP:
        print_map(out, field);
        return;
    }
}

static void print_words(struct buf *out, const char *words)
{
    for (; *words; words++)
        if (*words == '|')
            buf_str(out, " or ");
        else
            buf_byte(out, (uint8_t)*words);
}

void value_range(const struct key_row *row, struct buf *out)
{
    switch (row->type) {
    case KEY_COUNT:
        buf_format(out, "%s..%s", row->min, row->max);
        if (row->initial && !strcmp(row->initial, "auto"))
            buf_str(out, " or auto");
        return;
    case KEY_DURATION:
        buf_format(out, "%s..%s, like 90s, 15m or 2h", row->min, row->max);
        return;
    case KEY_VERSION:
        buf_format(out, "%s..%s", row->min, row->max);
        return;
    case KEY_BOOL:
        buf_str(out, "true or false");
        return;
    case KEY_CHOICE:
    case KEY_CHOICES:
    case KEY_LEVEL:
        print_words(out, row->min);
        return;
    case KEY_LISTEN:
        buf_str(out, "address:port, or off");
        return;
    case KEY_BROKERS:
        buf_str(out, "host:port");
        return;
    case KEY_ADDRESSES:
        buf_format(out, "host or host:port (port %s when none is written)", row->min);
        return;
    default:
        return;
    }
}

/* ---- release ---- */

static void release_list(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct config_list){0};
}

static void release_addresses(struct config_addresses *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].host);
    free(list->items);
    *list = (struct config_addresses){0};
}

/* Values may be passwords: wiped. */
static void release_map(struct config_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->items[i].name);
        explicit_bzero(map->items[i].value, strlen(map->items[i].value));
        free(map->items[i].value);
    }
    free(map->items);
    *map = (struct config_map){0};
}

void value_release(const struct key_row *row, void *base)
{
    void *field = (char *)base + row->offset;
    switch (row->type) {
    case KEY_PASSWORD_FILE: {
        struct config_account *account =
            (struct config_account *)((char *)field -
                                      offsetof(struct config_account, password_file));
        secret_destroy(account->password);
        account->password = NULL;
    }
        /* fall through */
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_CLUSTER_NAME:
    case KEY_TOPIC:
    case KEY_ZONE:
        free(*(char **)field);
        *(char **)field = NULL;
        return;
    case KEY_LISTEN:
        free(((struct config_address *)field)->host);
        ((struct config_address *)field)->host = NULL;
        return;
    case KEY_LIST:
    case KEY_BROKERS:
    case KEY_TOPICS:
    case KEY_CHOICES:
        release_list(field);
        return;
    case KEY_ADDRESSES:
        release_addresses(field);
        return;
    case KEY_MAP:
        release_map(field);
        return;
    default:
        return;
    }
}

/* What is in force and why: for people, for programs, for the documentation. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config/read.h"

enum { VALUE_MAX = 16 * 1024 * 1024 };

struct explainer {
    const struct origin *origin;
    void (*visit)(void *self, const struct config_entry *entry);
    void *self;
};

static void explain_place(void *self, const struct config_place *place)
{
    struct explainer *explainer = self;
    AUTO_BUF value;
    AUTO_BUF range;
    buf_init(&value, VALUE_MAX);
    buf_init(&range, 512);
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        if (row->group != place->group)
            continue;
        buf_clear(&value);
        buf_clear(&range);
        value_print(row, place->base, &value);
        value_range(row, &range);
        struct config_entry entry = {
            .key = row->path,
            .value = buf_text(&value),
            .initial = row->initial ? row->initial : "",
            .range = buf_text(&range),
            .line = explainer->origin->lines[place->instance * key_row_count + i],
            .restart = row->restart,
            .help = row->help,
        };
        config_path(row, place->prefix, entry.path);
        explainer->visit(explainer->self, &entry);
    }
}

void config_explain(const struct config *config,
                    void (*visit)(void *self, const struct config_entry *entry), void *self)
{
    struct explainer explainer = {config->origin, visit, self};
    config_walk(config, explain_place, &explainer);
}

static void to_json(void *self, const struct config_entry *entry)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "path", entry->path, "key", entry->key,
                  "value", entry->value, "default", entry->initial, "range", entry->range,
                  "restart", entry->restart, "help", entry->help);
    CHECK(object); /* texts are valid UTF-8 */
    json_object_set_new(object, "line", entry->line ? json_integer(entry->line) : json_null());
    json_array_append_new(self, object);
}

void config_explain_json(const struct config *config, struct buf *out)
{
    json_t *list = json_array();
    config_explain(config, to_json, list);
    char *text = json_dumps(list, JSON_INDENT(2));
    CHECK(text);
    buf_str(out, text);
    buf_byte(out, '\n');
    free(text);
    json_decref(list);
}

/* A table's cell ends at a bar. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)*text);
    }
}

void config_reference(struct buf *out)
{
    buf_str(out, "| Key | Default | Takes | Reload | Meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        AUTO_BUF range;
        buf_init(&range, 512);
        value_range(row, &range);
        buf_format(out, "| `%s` | ", row->path);
        if (!row->initial)
            buf_str(out, "required");
        else if (row->initial[0])
            buf_format(out, "`%s`", row->initial);
        buf_str(out, " | ");
        add_cell(out, buf_text(&range));
        buf_format(out, " | %s | ", row->restart ? "no" : "yes");
        add_cell(out, row->help);
        buf_str(out, " |\n");
    }
}

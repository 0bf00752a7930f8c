#include "config/outline.h"

#include <string.h>
#include <yaml.h>

#include "base/check.h"

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct problems *problems;
    struct outline *open[OUTLINE_DEPTH_MAX]; /* the collections being read, outermost first */
    size_t depth;
    struct outline *root;
    struct text key; /* read, its value not yet */
    uint32_t key_line;
    bool has_key;
    uint32_t nodes;
    bool ended; /* the first document */
};

static uint32_t line_of(const yaml_event_t *event)
{
    return (uint32_t)event->start_mark.line + 1;
}

static struct text copy(struct reader *reader, const char *bytes, size_t length)
{
    const char *at = arena_text(reader->arena, (struct text){bytes, length});
    return (struct text){at, at ? length : 0};
}

static bool give_up(struct reader *reader, uint32_t line, const char *what)
{
    problem_add(reader->problems, line, "%s", what);
    return false;
}

/* A new node as the value of the present key, the next entry, or the root. NULL: too many. */
static struct outline *add(struct reader *reader, const yaml_event_t *event, enum outline_kind kind)
{
    struct outline *node = NULL;
    if (reader->nodes++ < OUTLINE_NODES_MAX)
        node = arena_take(reader->arena, 1, sizeof *node);
    if (!node) {
        give_up(reader, line_of(event), "the file is too large");
        return NULL;
    }
    node->kind = kind;
    node->line = reader->has_key ? reader->key_line : line_of(event);
    node->key = reader->key;
    reader->has_key = false;
    reader->key = (struct text){NULL, 0};
    struct outline *parent = reader->depth ? reader->open[reader->depth - 1] : NULL;
    if (!parent) {
        reader->root = node;
        return node;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
    return node;
}

static bool expects_key(const struct reader *reader)
{
    return reader->depth && !reader->has_key &&
           reader->open[reader->depth - 1]->kind == OUTLINE_MAPPING;
}

static bool on_key(struct reader *reader, const yaml_event_t *event)
{
    struct text key = {(const char *)event->data.scalar.value, event->data.scalar.length};
    reader->key_line = line_of(event);
    reader->has_key = true;
    const struct outline *before = outline_find(reader->open[reader->depth - 1], key);
    if (!text_valid(key) || !key.length)
        return give_up(reader, reader->key_line, "this key is empty or not a text");
    if (before)
        problem_add(reader->problems, reader->key_line,
                    "'%.*s' stands in line %u already: keep one of them", TEXT_ARGS(key),
                    before->line);
    reader->key = copy(reader, key.at, key.length);
    return true;
}

static bool on_scalar(struct reader *reader, const yaml_event_t *event)
{
    if (event->data.scalar.anchor)
        return give_up(reader, line_of(event), "anchors (&name) are not supported: write it out");
    if (event->data.scalar.tag)
        return give_up(reader, line_of(event), "tags (!name) are not supported: leave it out");
    if (expects_key(reader))
        return on_key(reader, event);
    struct text text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct outline *node = add(reader, event, OUTLINE_SCALAR);
    if (!node)
        return false;
    if (!text_valid(text))
        return give_up(reader, line_of(event), "this text has a zero character");
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->empty =
        plain && (!text.length || text_equal(text, TEXT("~")) || text_equal(text, TEXT("null")));
    node->text = copy(reader, text.at, text.length);
    return true;
}

static bool on_collection(struct reader *reader, const yaml_event_t *event, enum outline_kind kind,
                          bool named, bool tagged)
{
    if (named)
        return give_up(reader, line_of(event), "anchors (&name) are not supported: write it out");
    if (tagged)
        return give_up(reader, line_of(event), "tags (!name) are not supported: leave it out");
    if (expects_key(reader))
        return give_up(reader, line_of(event), "this key is not a text");
    if (reader->depth == OUTLINE_DEPTH_MAX)
        return give_up(reader, line_of(event), "this is nested too deeply");
    struct outline *node = add(reader, event, kind);
    if (!node)
        return false;
    reader->open[reader->depth++] = node;
    return true;
}

static bool on_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->ended)
            return give_up(reader, line_of(event), "one document is enough: '---' begins another");
        return true;
    case YAML_DOCUMENT_END_EVENT:
        reader->ended = true;
        return true;
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_ALIAS_EVENT:
        return give_up(reader, line_of(event), "aliases (*name) are not supported: write it out");
    case YAML_MAPPING_START_EVENT:
        return on_collection(reader, event, OUTLINE_MAPPING,
                             event->data.mapping_start.anchor != NULL,
                             event->data.mapping_start.tag != NULL);
    case YAML_SEQUENCE_START_EVENT:
        return on_collection(reader, event, OUTLINE_SEQUENCE,
                             event->data.sequence_start.anchor != NULL,
                             event->data.sequence_start.tag != NULL);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        CHECK(reader->depth > 0);
        reader->depth--;
        return true;
    default:
        return true;
    }
}

static void on_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t line = parser->problem_mark.line + 1;
    const char *what = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR)
        problem_add(reader->problems, 0, "byte %zu: %s: write the file as UTF-8 text",
                    parser->problem_offset, what);
    else
        problem_add(reader->problems, (uint32_t)line, "%s%s%s", what, parser->context ? " " : "",
                    parser->context ? parser->context : "");
}

struct outline *outline_read(struct arena *arena, struct text yaml, struct problems *problems)
{
    struct reader reader = {.arena = arena, .problems = problems};
    uint32_t before = problems->count;
    int ready = yaml_parser_initialize(&reader.parser);
    CHECK(ready);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(yaml.at ? yaml.at : ""),
                                 yaml.length);
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader.parser, &event)) {
            on_syntax(&reader);
            break;
        }
        more = on_event(&reader, &event) && event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader.parser);
    bool damaged = problems->count > before && reader.depth > 0;
    return damaged || !reader.ended ? NULL : reader.root;
}

const struct outline *outline_find(const struct outline *mapping, struct text key)
{
    for (const struct outline *child = mapping->first; child; child = child->next)
        if (text_equal(child->key, key))
            return child;
    return NULL;
}

const struct outline *outline_at(const struct outline *mapping, const char *path)
{
    while (mapping && *path) {
        size_t length = strcspn(path, ".");
        mapping = mapping->kind == OUTLINE_MAPPING
                      ? outline_find(mapping, (struct text){path, length})
                      : NULL;
        path += length + (path[length] == '.');
    }
    return mapping;
}

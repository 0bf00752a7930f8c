/* outline.h - the YAML file as a tree with line numbers, by libyaml's events. Inside this room
 * only.
 *
 * libcyaml, which loads the values by schema, stops at the first fault, is sometimes a line off,
 * and knows neither mappings with free keys nor "a text or a list". The tree has every key's line,
 * so all faults can be told at once, and it carries those two. */
#ifndef CONFIG_OUTLINE_H
#define CONFIG_OUTLINE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"
#include "config/problem.h"

enum {
    OUTLINE_DEPTH_MAX = 8,
    OUTLINE_NODES_MAX = 1000000,
    OUTLINE_BYTES_MAX = 256 * 1024 * 1024,
};

enum outline_kind { OUTLINE_SCALAR, OUTLINE_MAPPING, OUTLINE_SEQUENCE };

struct outline {
    enum outline_kind kind;
    uint32_t line;         /* of the key, or of the entry of a sequence; from 1 */
    struct text key;       /* in a mapping */
    struct text text;      /* SCALAR; zero-closed */
    bool empty;            /* SCALAR: nothing stands there, not even quotes */
    struct outline *first; /* child */
    struct outline *last;
    struct outline *next; /* sibling */
    uint32_t count;       /* of children */
};

/* Reads `yaml` into `arena`. NULL: the problems tell why, or the document is empty (no problem).
 * Anchors, aliases, tags, several documents, keys that are no texts and repeated keys are problems:
 * a configuration says everything once. */
struct outline *outline_read(struct arena *arena, struct text yaml, struct problems *problems);
/* The child of that key; NULL: none. */
const struct outline *outline_find(const struct outline *mapping, struct text key);
/* Down a path like "limits.in_flight"; NULL when a part is missing. */
const struct outline *outline_at(const struct outline *mapping, const char *path);

#endif

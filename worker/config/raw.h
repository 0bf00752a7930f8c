/* raw.h - the scalars of the file as texts, loaded by libcyaml with a schema made from the table.
 * Inside this room only.
 *
 * Every scalar is declared a string: libcyaml 1.3 reads 80abc as 80 and 010 as 8. */
#ifndef CONFIG_RAW_H
#define CONFIG_RAW_H

#include "config/key.h"
#include "config/problem.h"

/* One instance of a group: the top, or an entry of a list. */
struct raw {
    struct {
        struct raw *items;
        uint32_t count;
    } lists[GROUP_COUNT];
    char *texts[]; /* by the row's place in the table; NULL = not set */
};

struct raw_file {
    struct arena *arena; /* the schema's */
    void *schema;
    struct raw *top; /* NULL for an empty file */
};

/* False: libcyaml does not take it; the problems tell its words. */
bool raw_load(struct raw_file *file, const struct shape *shape, struct text yaml,
              struct problems *problems);
void raw_release(struct raw_file *file);
const struct raw *raw_entry(const struct raw *parent, enum key_group group, uint32_t index);

#endif

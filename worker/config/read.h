/* read.h - from the file's text to plain fields, step by step. Inside this room only. */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include "config/key.h"
#include "config/outline.h"
#include "config/problem.h"

/* Step 1: does the tree have the shape of the table? */
void shape_check(const struct shape *shape, const struct outline *root, struct problems *problems);

/* One value as it stands in the file, or a default. */
struct given {
    struct text text;           /* the scalar; for lists and mappings when `node` is NULL */
    const struct outline *node; /* NULL = a default, or a scalar without a place */
    uint32_t line;              /* 0 = a default */
    bool no_passwords;          /* a password file is named and stays closed */
};

/* Step 2: reads what was given for `row` into its field of the group's struct `base`. What is wrong
 * is a problem under the name `path`; the field keeps a released or zeroed state then. */
void value_read(const struct key_row *row, const char *path, const struct given *given, void *base,
                struct problems *problems);
/* Frees what the field owns. */
void value_release(const struct key_row *row, void *base);
/* Appends the value in force as people write it; "***" for what may be secret. */
void value_print(const struct key_row *row, const void *base, struct buf *out);
/* What the row takes, for messages and tables: "1..64", "1s..1h", "ras|rac". "" = anything. */
void value_range(const struct key_row *row, struct buf *out);
/* Step 3: what no single key can know: defaults that follow from others, and contradictions. */
void config_finish(struct config *config, struct problems *problems);
/* The part of it that is about handlers. */
void config_finish_handlers(const struct config *config, struct problems *problems);
/* The part of it that is about the executor rac. */
void config_check_rac(const struct config *config, struct problems *problems);
/* May an environment variable be called so? */
bool config_is_variable_name(const char *name);
/* Where the row with this path was set for `base`; 0 = nowhere. Walks everything: for problems. */
uint32_t config_line_of(const struct config *config, const void *base, const char *key);

/* Where each key of each place was set; `config->origin`. */
struct origin {
    uint32_t *lines; /* by instance * key_row_count + the row's place; 0 = the default */
    size_t instances;
    size_t room; /* instances that fit */
};

/* A group's struct: the top, or one entry of a container. Instances are counted in the order of
 * config_walk(): the top, each cluster followed by its infobases, then the rules. */
struct config_place {
    enum key_group group;
    size_t instance;
    void *base;
    char prefix[CONFIG_PATH_SIZE]; /* "" or "clusters[main]." */
};
void config_walk(const struct config *config,
                 void (*visit)(void *self, const struct config_place *place), void *self);
/* The prefix of an entry of `group` with this name, under a parent with that prefix. */
void config_prefix(enum key_group group, const char *parent, struct text name,
                   char ret[CONFIG_PATH_SIZE]);
/* The whole path of a row in that place. */
void config_path(const struct key_row *row, const char *prefix, char ret[CONFIG_PATH_SIZE]);

#endif

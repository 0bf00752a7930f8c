/* key.h - keys.def as rows, and the shape of the file that follows from their paths. Inside this
 * room only. */
#ifndef CONFIG_KEY_H
#define CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "config/config.h"

enum key_type {
    KEY_TEXT,          /* char * */
    KEY_NAME,          /* char *: letters, digits, . _ - */
    KEY_CLUSTER_NAME,  /* char *: no control characters, not a UUID */
    KEY_TOPIC,         /* char * */
    KEY_ZONE,          /* char * */
    KEY_PASSWORD_FILE, /* char *, followed by struct secret * (struct config_account) */
    KEY_COUNT,         /* uint32_t */
    KEY_VERSION,       /* uint32_t: 10 for "10.0" */
    KEY_DURATION,      /* int64_t, ms */
    KEY_BOOL,          /* bool */
    KEY_CHOICE,        /* enum, the place of the word */
    KEY_LEVEL,         /* enum log_level */
    KEY_LISTEN,        /* struct config_address */
    KEY_LIST,          /* struct config_list; a single text is one entry */
    KEY_BROKERS,       /* struct config_list; a text with commas is a list, here and below */
    KEY_TOPICS,        /* struct config_list */
    KEY_CHOICES,       /* struct config_list */
    KEY_ADDRESSES,     /* struct config_addresses */
    KEY_MAP,           /* struct config_map */
};

/* Where a key's field lives: the file's top, or each entry of a list or free mapping. */
enum key_group { GROUP_TOP, GROUP_CLUSTER, GROUP_RULE, GROUP_INFOBASE, GROUP_TOKEN, GROUP_COUNT };

struct key_row {
    enum key_group group;
    const char *path; /* whole: "clusters[].limits.in_flight" */
    enum key_type type;
    size_t offset;       /* in the group's struct */
    const char *initial; /* NULL = required */
    const char *min;
    const char *max;
    bool restart;
    const char *help;
};

extern const struct key_row key_rows[];
extern const size_t key_row_count;

/* A list or free mapping whose entries are structs of their own. */
struct key_container {
    const char *path; /* "clusters[]", "clusters[].infobases.*" */
    enum key_group parent;
    size_t items_offset; /* in the parent's struct: pointer and count */
    size_t count_offset;
    size_t size; /* of one entry */
    size_t name_offset;
    bool free_keys; /* the entry's key in the file is its name */
};

/* NULL for GROUP_TOP. */
const struct key_container *key_container(enum key_group group);
/* The row's path below its group: "limits.in_flight" for a cluster's. */
const char *key_local_path(const struct key_row *row);
/* Is it read by libcyaml as one scalar? The others may be a text or a list, or have free keys. */
bool key_is_scalar(enum key_type type);

enum shape_kind { SHAPE_MAPPING, SHAPE_SEQUENCE, SHAPE_FREE, SHAPE_KEY };

/* What may stand where. The children of a SEQUENCE or FREE are those of one entry. */
struct shape {
    enum shape_kind kind;
    struct text name;
    enum key_group group;      /* SEQUENCE, FREE: of the entries */
    const struct key_row *row; /* KEY */
    size_t place;              /* KEY: of the row in the table */
    struct shape *first;       /* child */
    struct shape *next;        /* sibling */
};

/* The whole file's shape, in `arena`. */
const struct shape *shape_create(struct arena *arena);
const struct shape *shape_find(const struct shape *parent, struct text name);

#endif

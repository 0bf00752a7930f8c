/* words.h - the command line that rac understands, and what it says. */
#ifndef SIM_RAC_WORDS_H
#define SIM_RAC_WORDS_H

#include "base/buf.h"
#include "cluster/ras/wire.h"

enum { WORDS_OPTIONS_MAX = 24 };

struct words_option {
    const char *name; /* "cluster-user" */
    const char *value;
};

struct words_command {
    const char *words[3]; /* "infobase", "summary", "list"; shorter ones end with NULL */
    enum ras_request request;
    const char *needs[3];   /* options that must be UUIDs, besides `cluster` */
    const char *options[9]; /* others that it takes */
    unsigned since;         /* 803021 for 8.3.21 */
};

struct words {
    const struct words_command *command; /* NULL: none that is known */
    struct words_option options[WORDS_OPTIONS_MAX];
    size_t option_count;
    char host[256];
    uint16_t port;
    const char *wrong; /* the option that cannot be taken; NULL: none */
};

/* The address may stand first or last; without one it is localhost:1545. */
void words_read(int argc, char **argv, unsigned version, struct words *ret);
/* NULL: it was not given. */
const char *words_option(const struct words *words, const char *name);
/* Its value as a UUID; nil when it was not given. */
struct uuid words_uuid(const struct words *words, const char *name);
/* "infobase-summary-list" */
void words_operation(const struct words *words, char ret[64]);
/* 8.3.21.1895 as 803021. */
unsigned words_version(const char *text);

/* What the server says for a class, in its language, with the headline of old versions. */
void words_refusal(const char *remote_class, bool english, unsigned version, struct buf *out);

#endif

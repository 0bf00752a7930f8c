/* done.h - one line and one count for each request that was answered. */
#ifndef GATEWAY_DONE_H
#define GATEWAY_DONE_H

#include "gateway/state.h"

struct done {
    const char *method;
    const char *asker; /* "-": none */
    const char *code;  /* of a problem, or the state */
    const struct uuid *id;
    struct instant begun;
    int status;
    bool quiet; /* one of very many */
};

void done_note(struct gateway *gateway, const struct done *done);

#endif

/* connection.h - 1C's connection strings, as СтрокаСоединенияИнформационнойБазы() gives them:
 * `Srvr="srv1:1541";Ref="ut";`. Pure. */
#ifndef GATEWAY_CONNECTION_H
#define GATEWAY_CONNECTION_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/text.h"

enum { CONNECTION_PART_SIZE = LIMIT_NAME_BYTES + 1 };

struct connection_parts {
    char server[CONNECTION_PART_SIZE];   /* Srvr: one host, or several with commas; "" */
    char infobase[CONNECTION_PART_SIZE]; /* Ref; "" */
};

/* Reads names without case, values with or without quotes (a quote inside is doubled). False: no
 * such string, or it names no server and infobase (a file infobase, a web address). */
bool connection_read(struct text text, struct connection_parts *ret);
/* Do two names of servers mean the same manager? The port 1541 may be left out. */
bool connection_same_server(struct text a, struct text b);

#endif

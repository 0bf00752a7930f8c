/* bucket.h - so many in a minute: a bucket that fills evenly and holds one minute's worth. Pure. */
#ifndef GATEWAY_BUCKET_H
#define GATEWAY_BUCKET_H

#include "base/clock.h"

struct bucket {
    double left; /* what may be taken now */
    struct instant counted;
};

struct bucket bucket_full(uint32_t per_minute, struct instant now);
/* Takes one. False: it is empty, and `*ret_s` (1 or more) is in how many seconds it holds one. A
 * minute's worth may be another than last time: what is above it is lost. */
bool bucket_take(struct bucket *bucket, uint32_t per_minute, struct instant now, uint32_t *ret_s);

#endif

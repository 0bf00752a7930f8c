#include "gateway/bucket.h"

#include "base/check.h"

enum { MINUTE_MS = 60000, SECOND_MS = 1000 };

struct bucket bucket_full(uint32_t per_minute, struct instant now)
{
    return (struct bucket){per_minute, now};
}

bool bucket_take(struct bucket *bucket, uint32_t per_minute, struct instant now, uint32_t *ret_s)
{
    CHECK(per_minute > 0);
    double each_ms = (double)MINUTE_MS / per_minute;
    bucket->left += (double)instant_ms_between(bucket->counted, now) / each_ms;
    bucket->counted = now;
    if (bucket->left > per_minute)
        bucket->left = per_minute;
    if (bucket->left < 1) {
        *ret_s = (uint32_t)((1 - bucket->left) * each_ms / SECOND_MS) + 1;
        return false;
    }
    bucket->left -= 1;
    return true;
}

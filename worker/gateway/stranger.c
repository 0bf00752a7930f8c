#include "gateway/stranger.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "gateway/bucket.h"

enum { PLACES = 512, WAYS = 4, NETWORK_BYTES = 8 };

struct stranger {
    bool used;
    struct http_peer peer; /* the part that counts */
    struct bucket bucket;
};

struct strangers {
    struct uuid salt; /* so that nobody can choose addresses of one place */
    struct stranger table[PLACES][WAYS];
};

struct strangers *strangers_create(void)
{
    struct strangers *strangers = mem_new(struct strangers);
    strangers->salt = uuid_random();
    return strangers;
}

void strangers_destroy(struct strangers *strangers)
{
    free(strangers);
}

static struct http_peer part_that_counts(const struct http_peer *peer)
{
    static const unsigned char v4[12] = {[10] = 0xff, [11] = 0xff};
    struct http_peer part = *peer;
    if (memcmp(part.bytes, v4, sizeof v4) != 0)
        memset(part.bytes + NETWORK_BYTES, 0, sizeof part.bytes - NETWORK_BYTES);
    return part;
}

static struct stranger *place_of(struct strangers *strangers, const struct http_peer *peer)
{
    struct {
        struct uuid salt;
        struct http_peer peer;
    } name = {strangers->salt, *peer};
    struct sha256 hash = sha256_of(&name, sizeof name);
    return strangers->table[(hash.bytes[0] << 8 | hash.bytes[1]) % PLACES];
}

bool strangers_count(struct strangers *strangers, const struct http_peer *peer, uint32_t per_minute,
                     struct instant now, uint32_t *ret_s)
{
    struct http_peer part = part_that_counts(peer);
    struct stranger *place = place_of(strangers, &part);
    struct stranger *found = &place[0];
    for (int i = 0; i < WAYS; i++) {
        struct stranger *other = &place[i];
        if (other->used && !memcmp(&other->peer, &part, sizeof part)) {
            found = other;
            break;
        }
        if (!other->used ||
            (found->used && instant_before(other->bucket.counted, found->bucket.counted)))
            found = other;
    }
    if (!found->used || memcmp(&found->peer, &part, sizeof part) != 0)
        *found = (struct stranger){true, part, bucket_full(per_minute, now)};
    return bucket_take(&found->bucket, per_minute, now, ret_s);
}

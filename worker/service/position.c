#include "service/position.h"

#include <jansson.h>
#include <stdio.h>

bool position_read(struct text metadata, struct position *ret)
{
    json_t *root =
        json_loadb(metadata.at ? metadata.at : "", metadata.length, JSON_REJECT_DUPLICATES, NULL);
    const char *writer = NULL;
    json_int_t journal = -1;
    json_int_t number = 0;
    json_int_t next = 0;
    json_int_t partitions = 0;
    struct uuid id;
    bool good = root && !json_unpack(root, "{s:I, s:s, s:I, s:I, s:I}", "journal", &journal,
                                     "writer", &writer, "epoch", &number, "sequence", &next,
                                     "partitions", &partitions);
    good = good && journal >= 0 && number > 0 && next > 0 && partitions >= 0 &&
           partitions <= INT32_MAX && uuid_read(text_of(writer), &id, NULL) == ERR_OK;
    if (good)
        *ret =
            (struct position){journal, {id, (uint64_t)number}, (uint64_t)next, (int32_t)partitions};
    json_decref(root);
    return good;
}

void position_write(const struct position *position, char ret[POSITION_TEXT_SIZE])
{
    snprintf(ret, POSITION_TEXT_SIZE,
             "{\"journal\":%lld,\"writer\":\"%s\",\"epoch\":%llu,\"sequence\":%llu,"
             "\"partitions\":%d}",
             (long long)position->journal, uuid_format(&position->owner.writer).text,
             (unsigned long long)position->owner.number, (unsigned long long)position->next,
             position->partitions);
}

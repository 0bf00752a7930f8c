#include "service/view.h"

void message_view(const struct kafka_message *from, struct header *headers, struct message *ret)
{
    for (uint32_t i = 0; i < from->header_count; i++)
        headers[i] = (struct header){from->headers[i].name, from->headers[i].value};
    *ret = (struct message){from->key, from->value, headers, from->header_count};
}

/* What a RAS sends: packets, and the lists made of them. */
#include "cluster/ras/map.h"
#include "tests/fuzz/fuzz_ras.h"

static struct ras_names names; /* of the last list of infobases in this input */

static void look_at_sessions(const struct ras_message *message, unsigned version)
{
    AUTO(session_list) list = NULL;
    struct error err;
    if (ras_map_sessions(message, version, &list, &err)) {
        CHECK(err.code == ERR_TOO_LARGE);
        return;
    }
    CHECK(list->count == message->count);
    const struct executor_request request = {.op = EXECUTOR_LIST};
    (void)ras_names_cover(&names, list, &request);
    CHECK(ras_map_names(list, &names, &err) == ERR_OK);
    for (size_t i = 0; i < list->count; i++)
        CHECK(text_valid(text_of(list->sessions[i].user_name)));
}

static void look(const struct ras_message *message, unsigned version)
{
    struct error err;
    if (message->head.kind != RAS_KIND_MESSAGE)
        return;
    if (message->layout == &ras_session_layout)
        look_at_sessions(message, version);
    if (message->layout == &ras_infobase_short_layout && message->list)
        (void)!ras_names_take(&names, message, (struct instant){1}, &err);
    if (message->layout == &ras_connection_layout && message->list) {
        struct connection_list *list;
        if (!ras_map_connections(message, &list, &err)) {
            arena_destroy(list->arena);
            free(list);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_ras_stream((struct text){(const char *)bytes, length}, false, look);
    ras_names_release(&names);
    return 0;
}

/* A message of the events topic, as `curfew watch` reads it: its JSON is JSON. */
#include <jansson.h>

#include "event/decode.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fuzz_message input;
    struct error err;
    AUTO(event_view) view = NULL;
    fuzz_message_read((struct text){(const char *)bytes, length}, &input);
    enum error_code code = event_decode(&input.message, &view, &err);
    if (code) {
        CHECK(!view);
        fuzz_check_error(&err, code);
        return 0;
    }
    (void)event_view_is_final(view);
    AUTO_BUF json;
    buf_init(&json, FUZZ_OUT_BYTES);
    event_to_cli_json(view, &json);
    CHECK(!json.full);
    CHECK(!memchr(json.data, '\n', json.length));
    json_error_t why;
    size_t flags = JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_t *object = json_loadb((const char *)json.data, json.length, flags, &why);
    CHECK(object);
    json_decref(object);
    return 0;
}

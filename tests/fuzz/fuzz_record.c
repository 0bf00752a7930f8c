/* One record of the journal: written again it reads the same. */
#include "base/limits.h"
#include "model/record.h"
#include "model/session.h"
#include "tests/fuzz/fuzz.h"

static void snapshots_come_back(const struct record *record)
{
    AUTO(arena) arena = arena_create(FUZZ_OUT_BYTES);
    for (uint32_t i = 0; i < record->resolved.count; i++) {
        const struct resolved_target *target = &record->resolved.targets[i];
        struct text bytes = {(const char *)target->snapshot, target->snapshot_length};
        struct session session;
        struct session again;
        struct error err;
        AUTO_BUF out;
        buf_init(&out, FUZZ_OUT_BYTES);
        enum error_code code = session_decode(bytes, arena, &session, &err);
        if (code) {
            fuzz_check_error(&err, code);
            continue;
        }
        session_encode(&session, &out);
        CHECK(!out.full);
        struct text written = {(const char *)out.data, out.length};
        CHECK(session_decode(written, arena, &again, &err) == ERR_OK);
    }
}

static void encode(const struct record *record, struct buf *out)
{
    buf_init(out, FUZZ_OUT_BYTES);
    record_encode(record, out);
    CHECK(!out->full);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct error err;
    AUTO(record) record = NULL;
    AUTO(record) again = NULL;
    enum error_code code = record_decode((struct text){(const char *)bytes, length}, &record, &err);
    if (code) {
        CHECK(!record);
        fuzz_check_error(&err, code);
        return 0;
    }
    if (record->kind == RECORD_RESOLVED)
        snapshots_come_back(record);
    AUTO_BUF first;
    AUTO_BUF second;
    encode(record, &first);
    buf_init(&second, 0);
    if (first.length > LIMIT_RECORD_BYTES)
        return 0; /* not one that this program writes */
    CHECK(record_decode((struct text){(const char *)first.data, first.length}, &again, &err) ==
          ERR_OK);
    encode(again, &second);
    CHECK(first.length == second.length);
    CHECK(memcmp(first.data, second.data, first.length) == 0);
    return 0;
}

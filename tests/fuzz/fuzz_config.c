/* The text of a configuration file. What is taken is explained, and does not differ from itself. */
#include "config/config.h"
#include "tests/fuzz/fuzz.h"

static void look(void *self, const struct config_entry *entry)
{
    (void)self;
    CHECK(text_valid(text_of(entry->value)));
    CHECK(text_valid(text_of(entry->path)));
}

static void no_change(void *self, const struct config_change *change)
{
    (void)self;
    (void)change;
    CHECK(!"a configuration differs from itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text yaml = {(const char *)bytes, length};
    struct error err;
    AUTO(config) config = NULL;
    AUTO(config) again = NULL;
    AUTO_BUF problems;
    buf_init(&problems, FUZZ_OUT_BYTES);
    enum error_code code = config_from_text(yaml, &config, &problems, &err);
    if (code) {
        CHECK(!config);
        fuzz_check_error(&err, code);
        CHECK(text_valid(text_of(buf_text(&problems))));
        return 0;
    }
    AUTO_BUF json;
    buf_init(&json, FUZZ_OUT_BYTES);
    config_explain(config, look, NULL);
    config_explain_json(config, &json);
    (void)!config_for_worker(config, &err);
    CHECK(config_from_text(yaml, &again, NULL, &err) == ERR_OK);
    CHECK(config_diff(config, again, no_change, NULL) == 0);
    return 0;
}

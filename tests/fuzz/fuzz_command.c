/* A message of the commands topic, in any encoding. What is taken goes out in every form and comes
 * back as the same command. */
#include "command/message.h"
#include "tests/fuzz/fuzz.h"

static void comes_back(const struct command *command, enum message_form form)
{
    const struct message_style style = {form, "curfew/fuzz", "curfew."};
    AUTO(outgoing) out = NULL;
    AUTO(command) again = NULL;
    struct error err;
    if (message_encode(command, &style, &out, &err)) {
        CHECK(err.code == ERR_TOO_LARGE); /* JSON takes more room than protobuf */
        return;
    }
    CHECK(out->count == 1);
    CHECK(message_decode(&out->messages[0], &again, NULL, &err) == ERR_OK);
    struct sha256 before = command_digest(command);
    struct sha256 after = command_digest(again);
    CHECK(sha256_equal(&before, &after));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fuzz_message input;
    struct message_info info;
    struct error err;
    AUTO(command) command = NULL;
    fuzz_message_read((struct text){(const char *)bytes, length}, &input);
    enum error_code code = message_decode(&input.message, &command, &info, &err);
    if (code) {
        CHECK(!command);
        fuzz_check_error(&err, code);
        return 0;
    }
    for (int form = 0; form <= MESSAGE_FORM_BARE_JSON; form++)
        comes_back(command, (enum message_form)form);
    return 0;
}

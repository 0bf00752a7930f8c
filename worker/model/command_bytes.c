/* What is known of a command from its bytes alone. */
#include "base/check.h"
#include "base/limits.h"
#include "model/command.h"

enum error_code command_settle(const struct command *draft, struct command **ret, struct error *err)
{
    AUTO_BUF bytes;
    buf_init(&bytes, LIMIT_COMMAND_DECODE_BYTES);
    command_encode(draft, &bytes);
    if (bytes.full)
        return error_set(err, ERR_TOO_LARGE, "the command is too large");
    return command_decode((struct text){(const char *)bytes.data, bytes.length}, ret, err);
}

struct sha256 command_digest(const struct command *command)
{
    unsigned char first[1024];
    AUTO_BUF bytes;
    buf_init_on(&bytes, LIMIT_COMMAND_DECODE_BYTES, first, sizeof first);
    command_encode(command, &bytes);
    CHECK(!bytes.full);
    return sha256_of(bytes.data, bytes.length);
}

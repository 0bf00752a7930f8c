#include "cli/send.h"

#include <inttypes.h>
#include <stdio.h>

#include "command/message.h"
#include "model/json.h"

enum error_code send_command(struct link *link, const char *topic, const struct command *command,
                             struct instant until, struct kafka_receipt *ret, struct error *err)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/cli",
                                               "curfew."};
    AUTO(outgoing) outgoing = NULL;
    if (message_encode(command, &style, &outgoing, err))
        return err->code;
    return link_send(link, topic, outgoing, until, ret, err);
}

void send_json(const char *topic, const struct command *command,
               const struct kafka_receipt *receipt)
{
    AUTO_BUF line;
    buf_init(&line, SEND_TEXT_MAX);
    buf_format(&line, "{\"id\":\"%s\",\"cluster\":", uuid_format(&command->id).text);
    if (command->cluster[0])
        json_quote(&line, text_of(command->cluster));
    else
        buf_str(&line, "null");
    buf_str(&line, ",\"topic\":");
    json_quote(&line, text_of(topic));
    buf_format(&line, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}", receipt->partition,
               receipt->offset);
    printf("%s\n", buf_text(&line));
}

#include "cli/send.h"

#include <inttypes.h>
#include <stdio.h>

#include "command/message.h"
#include "model/json.h"

/* An id that was made here is known to nobody yet. The first one bears the time of asking, a repeat
 * with --id none (request.c): it is other content under that id, and refused. What goes to the
 * control topic sets something, and has no option --id. */
static void how_to_repeat(const struct command *command, struct buf *out)
{
    if (command->action == ACTION_TERMINATE || command->action == ACTION_DRAIN)
        buf_format(
            out,
            "repeat it with --id %s: nothing is done twice, and 'used before' means that it came",
            uuid_format(&command->id).text);
    else
        buf_str(out, "repeat it, twice does no harm");
}

enum error_code send_command(struct link *link, const char *topic, const struct command *command,
                             struct instant until, struct kafka_receipt *ret, struct error *err)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/cli",
                                               "curfew."};
    AUTO(outgoing) outgoing = NULL;
    AUTO_BUF repeat;
    buf_init(&repeat, ERROR_MESSAGE_MAX);
    how_to_repeat(command, &repeat);
    if (message_encode(command, &style, &outgoing, err))
        return err->code;
    return link_send(link, topic, outgoing, buf_text(&repeat), until, ret, err);
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

enum error_code send_control(const struct cli_common *common, struct cli_setup *setup,
                             const struct command *command, struct error *err)
{
    AUTO(link) link = NULL;
    struct kafka_receipt receipt;
    const char *topic = setup->config->topics.control;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(common), &link, err))
        return err->code;
    struct instant until = instant_add_ms(link_now(link), common->timeout_ms);
    if (send_command(link, topic, command, until, &receipt, err))
        return err->code;
    if (common->json)
        send_json(topic, command, &receipt);
    else
        printf("%s\n", uuid_format(&command->id).text);
    return ERR_OK;
}

enum error_code send_order(const struct cli_common *common, const struct command *command,
                           struct error *err)
{
    struct cli_setup setup;
    if (cli_setup_load(common, false, &setup, NULL, err))
        return err->code;
    enum error_code code = send_control(common, &setup, command, err);
    cli_setup_release(&setup);
    return code;
}

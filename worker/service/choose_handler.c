#include "service/choose_handler.h"

/* What is known of the infobase that a row is about. */
static const struct config_handler *handler_of(const struct config_cluster *cluster,
                                               const struct command *command,
                                               const struct resolved_row *row,
                                               const char **ret_place)
{
    const struct uuid none = {{0}};
    if (row->session)
        return config_handler_for(cluster, &row->session->infobase,
                                  text_of(row->session->infobase_name), ret_place);
    if (!row->asked_by_number)
        return config_handler_for(cluster, &none, TEXT(""), ret_place);
    struct uuid uuid = none;
    struct text infobase = text_of(command->selector.infobase);
    bool by_uuid = uuid_read(infobase, &uuid, NULL) == ERR_OK;
    return config_handler_for(cluster, &uuid, by_uuid ? TEXT("") : infobase, ret_place);
}

static enum handler_mode default_mode(const struct config_handler *handler)
{
    static const enum handler_mode modes[] = {
        [CONFIG_HANDLER_INSTEAD] = HANDLER_INSTEAD,
        [CONFIG_HANDLER_BEFORE] = HANDLER_BEFORE,
        [CONFIG_HANDLER_AFTER] = HANDLER_AFTER,
        [CONFIG_HANDLER_ON_REQUEST] = HANDLER_NONE,
    };
    return handler ? modes[handler->mode] : HANDLER_NONE;
}

static enum error_code refuse(const struct config_cluster *cluster, const struct resolved_row *row,
                              const struct config_handler *handler, struct error *err)
{
    struct uuid_text uuid_text = uuid_format(&row->session->infobase);
    const char *name = row->session->infobase_name;
    if (!name[0])
        name = uuid_text.text;
    if (handler)
        return error_set(err, ERR_UNSUPPORTED,
                         "standard processing is off, but the handler of infobase '%s' of cluster "
                         "'%s' runs after the end (handler.mode) and ends nothing itself",
                         name, cluster->name);
    return error_set(err, ERR_UNSUPPORTED,
                     "standard processing is off, and neither infobase '%s' nor cluster '%s' has a "
                     "handler: set clusters[].handler, or leave standard processing on",
                     name, cluster->name);
}

enum error_code service_choose_handlers(const struct config_cluster *cluster,
                                        const struct command *command,
                                        struct resolution *resolution, struct error *err)
{
    enum standard_processing standard = command->options.standard_processing;
    for (size_t i = 0; i < resolution->count; i++) {
        struct resolved_row *row = &resolution->rows[i];
        const char *place = "";
        row->handler = HANDLER_NONE;
        if (standard == STANDARD_PROCESSING_ON)
            continue;
        const struct config_handler *handler = handler_of(cluster, command, row, &place);
        row->handler = default_mode(handler);
        if (standard == STANDARD_PROCESSING_OFF) {
            bool ends = handler && handler->mode != CONFIG_HANDLER_AFTER;
            if (!ends && row->session && row->verdict == TARGET_NONE)
                return refuse(cluster, row, handler, err);
            row->handler = ends ? HANDLER_INSTEAD : HANDLER_NONE;
        }
        if (row->handler != HANDLER_NONE && place[0])
            row->handler_of = place;
    }
    return ERR_OK;
}

#include "cli/handler_look.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum error_code handler_look(const struct config_handler *handler, struct error *err)
{
    struct stat found;
    if (stat(handler->program, &found))
        return error_set(err, ERR_CONFIG, "cannot run '%s': %s", handler->program, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return error_set(err, ERR_CONFIG, "cannot run '%s': it is no file", handler->program);
    if (access(handler->program, X_OK))
        return error_set(err, ERR_CONFIG, "cannot run '%s' as this user: %s", handler->program,
                         strerror(errno));
    return ERR_OK;
}

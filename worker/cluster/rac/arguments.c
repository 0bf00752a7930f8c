/* Command lines: one argument each, no shell, nothing quoted. */
#include "cluster/rac/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { ARGUMENT_MAX = LIMIT_RAS_STRING_BYTES + 256 };

static void add(struct rac_arguments *arguments, struct text name, struct text value)
{
    CHECK(arguments->count < RAC_ARGUMENTS_MAX);
    char *at = mem_alloc(name.length + value.length + 1, 1);
    memcpy(at, name.at, name.length);
    if (value.length)
        memcpy(at + name.length, value.at, value.length);
    arguments->items[arguments->count++] = at;
}

static void add_word(struct rac_arguments *arguments, const char *word)
{
    add(arguments, text_of(word), (struct text){NULL, 0});
}

static void add_text(struct rac_arguments *arguments, const char *name, const char *value)
{
    add(arguments, text_of(name), value ? text_of(value) : (struct text){NULL, 0});
}

static void add_uuid(struct rac_arguments *arguments, const char *name, const struct uuid *uuid)
{
    add_text(arguments, name, uuid_format(uuid).text);
}

static void add_login(struct rac_arguments *arguments, const struct ras_login *login,
                      const char *user, const char *password)
{
    if (!login->user || !*login->user)
        return;
    add_text(arguments, user, login->user);
    struct text secret = secret_reveal(login->password);
    if (secret.length)
        add(arguments, text_of(password), secret);
}

void rac_arguments_release(struct rac_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        explicit_bzero(arguments->items[i], strlen(arguments->items[i]));
        free(arguments->items[i]);
    }
    *arguments = (struct rac_arguments){0};
}

/* ---- parts ---- */

static const struct uuid *cluster_of(const struct rac_task *task)
{
    const struct rac_cluster *cluster = &task->executor->clusters[task->address];
    CHECK(cluster->known);
    return &cluster->uuid;
}

/* The mode and the command, then the cluster and who asks. */
static void begin(const struct rac_task *task, const char *mode, const char *command,
                  struct rac_arguments *arguments)
{
    add_word(arguments, mode);
    add_word(arguments, command);
    add_uuid(arguments, "--cluster=", cluster_of(task));
    add_login(arguments, &task->executor->settings.admin, "--cluster-user=", "--cluster-pwd=");
}

/* The configured administrator of the task's infobase; its key is a name or a UUID. */
static const struct ras_login *infobase_login(const struct rac_task *task)
{
    const struct rac_settings *settings = &task->executor->settings;
    const struct infobase_name *name = ras_names_by_uuid(&task->executor->names, &task->infobase);
    for (size_t i = 0; i < settings->infobase_count; i++) {
        struct text key = text_of(settings->infobases[i].infobase);
        struct uuid uuid;
        if (uuid_read(key, &uuid, NULL) == ERR_OK
                ? uuid_equal(&uuid, &task->infobase)
                : name && text_same_name(key, text_of(name->name)))
            return &settings->infobases[i].login;
    }
    return NULL;
}

static void add_infobase(const struct rac_task *task, struct rac_arguments *arguments)
{
    const struct ras_login *login = infobase_login(task);
    add_uuid(arguments, "--infobase=", &task->infobase);
    if (login && rac_has_infobase_user(task->executor->version))
        add_login(arguments, login, "--infobase-user=", "--infobase-pwd=");
}

static void add_message(const struct rac_task *task, struct rac_arguments *arguments)
{
    const char *message = task->request.message;
    if (message && *message && rac_has_error_message(task->executor->version))
        add_text(arguments, "--error-message=", message);
}

/* ---- the infobase's lock ---- */

static bool same_text(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

bool rac_lock_differs(const struct rac_task *task)
{
    const struct infobase_lock *is = task->found;
    const struct infobase_lock *wanted = task->request.lock;
    return is->sessions_deny != wanted->sessions_deny ||
           is->scheduled_jobs_deny != wanted->scheduled_jobs_deny ||
           !server_time_equal(is->denied_from, wanted->denied_from) ||
           !server_time_equal(is->denied_to, wanted->denied_to) ||
           !same_text(is->denied_message, wanted->denied_message) ||
           !same_text(is->denied_parameter, wanted->denied_parameter) ||
           !same_text(is->permission_code, wanted->permission_code);
}

static void add_switch(struct rac_arguments *arguments, const char *name, bool is, bool wanted)
{
    if (is != wanted)
        add_text(arguments, name, wanted ? "on" : "off");
}

/* To the second: rac knows nothing finer. An empty value clears it. */
static void add_time(struct rac_arguments *arguments, const char *name, struct server_time is,
                     struct server_time wanted)
{
    struct server_time_text text = server_time_format(wanted);
    if (server_time_equal(is, wanted))
        return;
    text.text[strcspn(text.text, ".")] = '\0';
    add_text(arguments, name, text.text);
}

static void add_changed(struct rac_arguments *arguments, const char *name, const char *is,
                        const char *wanted)
{
    if (!same_text(is, wanted))
        add_text(arguments, name, wanted);
}

static enum error_code add_lock(const struct rac_task *task, struct rac_arguments *arguments,
                                struct error *err)
{
    const struct infobase_lock *is = task->found;
    const struct infobase_lock *wanted = task->request.lock;
    bool new_code = !same_text(is->permission_code, wanted->permission_code) &&
                    wanted->permission_code && *wanted->permission_code;
    /* A code that is taken away could not be given back: then nothing is written at all. */
    bool takes = wanted->sessions_deny && !wanted->denied_to.ticks;
    bool loses_code = takes && is->permission_code && *is->permission_code &&
                      !same_text(is->permission_code, wanted->permission_code);
    if ((new_code || loses_code) && !task->executor->settings.passwords_allowed)
        return error_set(
            err, ERR_CONFIG,
            "the permission code would stand on rac's command line, where every user of "
            "this host can read it: allow it by "
            "clusters[].rac.allow_password_on_command_line");
    add_switch(arguments, "--sessions-deny=", is->sessions_deny, wanted->sessions_deny);
    add_switch(arguments, "--scheduled-jobs-deny=", is->scheduled_jobs_deny,
               wanted->scheduled_jobs_deny);
    add_time(arguments, "--denied-from=", is->denied_from, wanted->denied_from);
    add_time(arguments, "--denied-to=", is->denied_to, wanted->denied_to);
    add_changed(arguments, "--denied-message=", is->denied_message, wanted->denied_message);
    add_changed(arguments, "--denied-parameter=", is->denied_parameter, wanted->denied_parameter);
    add_changed(arguments, "--permission-code=", is->permission_code, wanted->permission_code);
    return ERR_OK;
}

/* ---- steps ---- */

static void session_command(const struct rac_task *task, const char *command,
                            struct rac_arguments *arguments)
{
    begin(task, "session", command, arguments);
    add_uuid(arguments, "--session=", &task->request.session);
}

static enum error_code interrupt_command(const struct rac_task *task,
                                         struct rac_arguments *arguments, struct error *err)
{
    if (!rac_has_interrupt(task->executor->version))
        return error_set(err, ERR_UNSUPPORTED,
                         "this version of rac cannot interrupt a server call (8.3.21 can)");
    session_command(task, "interrupt-current-server-call", arguments);
    add_message(task, arguments);
    return ERR_OK;
}

static void disconnect_command(const struct rac_task *task, struct rac_arguments *arguments)
{
    begin(task, "connection", "disconnect", arguments);
    add_uuid(arguments, "--process=", &task->request.process);
    add_uuid(arguments, "--connection=", &task->request.connection);
    const struct ras_login *login = uuid_is_nil(&task->infobase) ? NULL : infobase_login(task);
    if (login && rac_has_infobase_user(task->executor->version))
        add_login(arguments, login, "--infobase-user=", "--infobase-pwd=");
}

static enum error_code main_command(const struct rac_task *task, struct rac_arguments *arguments,
                                    struct error *err)
{
    switch (task->request.op) {
    case EXECUTOR_LIST:
        begin(task, "session", "list", arguments);
        return ERR_OK;
    case EXECUTOR_INFO:
        session_command(task, "info", arguments);
        return ERR_OK;
    case EXECUTOR_END:
        session_command(task, "terminate", arguments);
        add_message(task, arguments);
        return ERR_OK;
    case EXECUTOR_INTERRUPT:
        return interrupt_command(task, arguments, err);
    case EXECUTOR_INFOBASE_READ:
        begin(task, "infobase", "info", arguments);
        add_infobase(task, arguments);
        return ERR_OK;
    case EXECUTOR_INFOBASE_WRITE:
        begin(task, "infobase", "update", arguments);
        add_infobase(task, arguments);
        return add_lock(task, arguments, err);
    case EXECUTOR_CONNECTIONS:
        begin(task, "connection", "list", arguments);
        add_infobase(task, arguments);
        return ERR_OK;
    case EXECUTOR_DISCONNECT:
        disconnect_command(task, arguments);
        return ERR_OK;
    case EXECUTOR_PROCESSES:
        begin(task, "process", "list", arguments);
        return ERR_OK;
    }
    return ERR_OK;
}

static enum error_code step_command(const struct rac_task *task, struct rac_arguments *arguments,
                                    struct error *err)
{
    switch (task->step) {
    case RAC_STEP_VERSION:
        add_word(arguments, "--version");
        return ERR_OK;
    case RAC_STEP_CLUSTERS:
        add_word(arguments, "cluster");
        add_word(arguments, "list");
        return ERR_OK;
    case RAC_STEP_NAMES:
        add_word(arguments, "infobase");
        begin(task, "summary", "list", arguments);
        return ERR_OK;
    case RAC_STEP_RECORD:
        begin(task, "infobase", "info", arguments);
        add_infobase(task, arguments);
        return ERR_OK;
    case RAC_STEP_MAIN:
        return main_command(task, arguments, err);
    }
    return ERR_OK;
}

enum error_code rac_arguments_of(const struct rac_task *task, struct rac_arguments *ret,
                                 struct error *err)
{
    struct rac_arguments arguments = {0};
    const struct ras_address *address = &task->executor->settings.addresses[task->address];
    add_word(&arguments, "rac");
    enum error_code code = step_command(task, &arguments, err);
    if (code) {
        rac_arguments_release(&arguments);
        return code;
    }
    if (task->step != RAC_STEP_VERSION) {
        char text[RAS_HOST_MAX + 8];
        snprintf(text, sizeof text, "%s:%u", address->host, address->port);
        add_word(&arguments, text);
    }
    *ret = arguments;
    return ERR_OK;
}

#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"

enum { MESSAGE_MAX = 1024, WATCHDOG_MAX_S = 3600 };

bool notify_wanted(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path && (path[0] == '/' || path[0] == '@') && path[1];
}

/* The address of $NOTIFY_SOCKET; 0 when its name is too long. */
static socklen_t address_of(const char *path, struct sockaddr_un *ret)
{
    size_t length = strlen(path);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof ret->sun_path)
        return 0;
    memcpy(ret->sun_path, path, length);
    if (path[0] == '@')
        ret->sun_path[0] = '\0'; /* the abstract namespace: the name has no closing zero */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
}

static enum error_code notify_send(const char *message, struct error *err)
{
    struct sockaddr_un address;
    if (!notify_wanted())
        return ERR_OK;
    socklen_t length = address_of(getenv("NOTIFY_SOCKET"), &address);
    if (!length)
        return error_set(err, ERR_SYSTEM, "the path in $NOTIFY_SOCKET is too long");
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0)
        return error_set(err, ERR_SYSTEM, "cannot open a socket: %s", strerror(errno));
    ssize_t sent;
    do
        sent = sendto(file, message, strlen(message), MSG_NOSIGNAL,
                      (const struct sockaddr *)&address, length);
    while (sent < 0 && errno == EINTR);
    enum error_code code = ERR_OK;
    if (sent < 0)
        code = error_set(err, ERR_SYSTEM, "cannot tell the service manager: %s", strerror(errno));
    close(file);
    return code;
}

/* `state` and, behind it, the status as one line: a line break in it would be another message. */
static enum error_code notify_with(const char *state, const char *status, struct error *err)
{
    char message[MESSAGE_MAX];
    int length =
        snprintf(message, sizeof message, "%s%s%s%s", state, status && state[0] ? "\n" : "",
                 status ? "STATUS=" : "", status ? status : "");
    CHECK(length >= 0);
    if (status) /* the first byte behind the state is our own line break */
        for (char *at = message + strlen(state) + 1; *at; at++)
            if (*at == '\n' || *at == '\r')
                *at = ' ';
    return notify_send(message, err);
}

enum error_code notify_ready(const char *status, struct error *err)
{
    return notify_with("READY=1", status, err);
}

enum error_code notify_status(const char *status, struct error *err)
{
    return notify_with("", status ? status : "", err);
}

enum error_code notify_reloading(struct error *err)
{
    struct timespec at;
    char message[MESSAGE_MAX];
    int failed = clock_gettime(CLOCK_MONOTONIC, &at);
    CHECK(!failed);
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)at.tv_sec * 1000000 + at.tv_nsec / 1000);
    return notify_send(message, err);
}

enum error_code notify_stopping(const char *status, struct error *err)
{
    return notify_with("STOPPING=1", status, err);
}

enum error_code notify_watchdog(struct error *err)
{
    return notify_send("WATCHDOG=1", err);
}

enum error_code notify_extend(int64_t ms, struct error *err)
{
    char message[MESSAGE_MAX];
    CHECK(ms >= 0);
    CHECK(ms <= INT64_MAX / 1000);
    snprintf(message, sizeof message, "EXTEND_TIMEOUT_USEC=%lld", (long long)ms * 1000);
    return notify_send(message, err);
}

int64_t notify_watchdog_every_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t value;
    uint64_t meant;
    if (!usec || text_u64(text_of(usec), INT64_MAX, &value, NULL))
        return 0;
    if (pid && (text_u64(text_of(pid), INT32_MAX, &meant, NULL) || meant != (uint64_t)getpid()))
        return 0;
    if (value > (uint64_t)WATCHDOG_MAX_S * 1000000)
        value = (uint64_t)WATCHDOG_MAX_S * 1000000;
    int64_t every_ms = (int64_t)(value / 2000);
    return value && !every_ms ? 1 : every_ms;
}

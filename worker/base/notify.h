/* notify.h - what the service manager is told: sd_notify's datagram, without its library.
 *
 * Does nothing, and answers ERR_OK, when $NOTIFY_SOCKET is not set. A leading `@` means the
 * abstract namespace. Never blocks: a full socket loses the message and says ERR_SYSTEM. */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Reads $NOTIFY_SOCKET; false when nobody listens. */
bool notify_wanted(void);
/* Each sends one datagram. `status` is one line for people ("owns 3 partitions"), or NULL. */
enum error_code notify_ready(const char *status, struct error *err);
enum error_code notify_status(const char *status, struct error *err);
/* With MONOTONIC_USEC, as Type=notify-reload asks for; follow with notify_ready(). */
enum error_code notify_reloading(struct error *err);
enum error_code notify_stopping(const char *status, struct error *err);
enum error_code notify_watchdog(struct error *err);
/* While draining: so much more time, from now, before the manager loses patience. */
enum error_code notify_extend(int64_t ms, struct error *err);
/* Half of $WATCHDOG_USEC in milliseconds: how often to call notify_watchdog(). 0 = not wanted
 * (not set, or meant for another process by $WATCHDOG_PID). */
int64_t notify_watchdog_every_ms(void);

#endif

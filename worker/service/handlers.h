/* handlers.h - runs of the operators' own programs. They have places of their own beside the lanes:
 * a program that takes its time keeps no list and no other end from a cluster. Nothing waits here:
 * without a free place the engine is told so, and asks again with a fresh list. Loop thread only.
 */
#ifndef SERVICE_HANDLERS_H
#define SERVICE_HANDLERS_H

#include "engine/engine.h"

struct partition;
struct service;

/* The engine asks for a run (HANDLE); it gets exactly one answer. */
void handler_call_start(struct partition *partition, const struct engine_action *action,
                        struct instant now);
/* Ends those that may not go on. */
void handlers_pass(struct service *service);
/* Ends all; service->handler_calls is empty when they have. */
void handlers_stop(struct service *service);

#endif

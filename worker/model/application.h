/* application.h - what kind of application a session belongs to. */
#ifndef MODEL_APPLICATION_H
#define MODEL_APPLICATION_H

#include "base/text.h"

enum application_class {
    APPLICATION_UNKNOWN,        /* an id that Curfew does not know */
    APPLICATION_INTERACTIVE,    /* people: thick, thin and web client */
    APPLICATION_DESIGNER,       /* the configurator */
    APPLICATION_EXTERNAL,       /* COM connections */
    APPLICATION_SERVICE,        /* web, HTTP and OpenID services */
    APPLICATION_JOB,            /* background jobs */
    APPLICATION_CONSOLE,        /* cluster consoles */
    APPLICATION_ADMINISTRATION, /* the administration server's own */
    APPLICATION_SYSTEM,         /* the cluster's own */
    APPLICATION_CLASSES
};

/* Of an application id, compared without case. */
enum application_class application_class_of(struct text app_id);
/* "interactive", ...; UNKNOWN gives "unknown". */
const char *application_class_label(enum application_class class);
/* UNKNOWN when there is no class of that label. */
enum application_class application_class_find(struct text label);

#endif

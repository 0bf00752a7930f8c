/* field.h - the fields that filters know, and how each is compared. Inside this room only. */
#ifndef SELECT_FIELD_H
#define SELECT_FIELD_H

#include "model/command.h"
#include "model/session.h"

enum field_kind {
    FIELD_TEXT,     /* compared without case */
    FIELD_USER,     /* a text; empty is unknown: the session has just begun */
    FIELD_INFOBASE, /* name or UUID */
    FIELD_UUID,
    FIELD_CLASS,
    FIELD_ADDRESS,  /* or network */
    FIELD_NUMBER,   /* as it is */
    FIELD_SIZE,     /* bytes */
    FIELD_DURATION, /* milliseconds, or seconds (unit_ms) */
    FIELD_MOMENT,   /* the cluster's own clock */
    FIELD_AGE,      /* time since a moment */
    FIELD_FLAG,
    FIELD_BLOCKER,
    FIELD_BLOCKING,
    FIELD_KINDS
};

struct field {
    const char *name; /* as it is told to people */
    enum field_kind kind;
    enum session_field source;
    enum session_field second; /* the same as `source` where there is one */
    int64_t unit_ms;           /* DURATION: of one */
};

/* `-` and `_` are the same. ERR_INVALID with the field that was probably meant. */
enum error_code field_find(struct text name, struct field *ret, struct error *err) MUST_CHECK;
/* May it be compared so? */
bool field_has(const struct field *field, enum comparison comparison);
/* "=, != and in": the comparisons that it has. */
void field_comparisons(const struct field *field, struct buf *out);
/* "=", "in", "like", ... */
const char *comparison_label(enum comparison comparison);

#endif

/* sample.h - a session to begin with. Every text is there, for none may be NULL; a test sets what
 * it is about, so a new property of sessions changes no test that has nothing to do with it. */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include "model/session.h"

/* Empty texts, zero numbers. Texts are static. */
static inline struct session sample_blank(void)
{
    struct session session = {0};
#define SAMPLE_TEXT(name) session.name = "";
#define SAMPLE_UUID(name)
#define SAMPLE_TIME(name)
#define SAMPLE_BOOL(name)
#define SAMPLE_U32(name)
#define SAMPLE_I64(name)
#define FIELD(type, name) SAMPLE_##type(name)
#include "model/session.def"
#undef FIELD
#undef SAMPLE_TEXT
#undef SAMPLE_UUID
#undef SAMPLE_TIME
#undef SAMPLE_BOOL
#undef SAMPLE_U32
#undef SAMPLE_I64
    return session;
}

/* Somebody at work: Иванов, thin client, infobase ut. The UUID is nil. */
static inline struct session sample_session(uint32_t number)
{
    struct session session = sample_blank();
    session.number = number;
    session.infobase_name = "ut";
    session.user_name = "Иванов";
    session.app_id = "1CV8C";
    session.host = "pc";
    session.locale = "ru";
    return session;
}

#endif

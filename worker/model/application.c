#include "model/application.h"

#include "base/check.h"

static const struct {
    const char *id;
    enum application_class class;
} applications[] = {
#define APPLICATION(id, class, protection) {id, APPLICATION_##class},
#include "model/applications.def"
#undef APPLICATION
};

static const char *const labels[APPLICATION_CLASSES] = {
    [APPLICATION_UNKNOWN] = "unknown",   [APPLICATION_INTERACTIVE] = "interactive",
    [APPLICATION_DESIGNER] = "designer", [APPLICATION_EXTERNAL] = "external",
    [APPLICATION_SERVICE] = "service",   [APPLICATION_JOB] = "job",
    [APPLICATION_CONSOLE] = "console",   [APPLICATION_ADMINISTRATION] = "administration",
    [APPLICATION_SYSTEM] = "system",
};

enum application_class application_class_of(struct text app_id)
{
    for (size_t i = 0; i < sizeof applications / sizeof applications[0]; i++)
        if (text_same_name(text_of(applications[i].id), app_id))
            return applications[i].class;
    return APPLICATION_UNKNOWN;
}

const char *application_class_label(enum application_class class)
{
    CHECK((unsigned)class < APPLICATION_CLASSES);
    return labels[class];
}

enum application_class application_class_find(struct text label)
{
    for (int class = APPLICATION_UNKNOWN + 1; class < APPLICATION_CLASSES; class ++)
        if (text_same_name(text_of(labels[class]), label))
            return (enum application_class) class;
    return APPLICATION_UNKNOWN;
}

#include "model/outcome.h"

#include <ctype.h>

#include "base/check.h"

struct row {
    const char *name;
    bool success;
    int exit;
};

static const struct row targets[TARGET_OUTCOMES] = {
    [TARGET_NONE] = {"NONE", false, 0},
#define TARGET(name, number, success) [TARGET_##name] = {#name, success, 0},
#define COMMAND(name, number, exit)
#include "model/outcome.def"
#undef TARGET
#undef COMMAND
};

static const struct row commands[COMMAND_OUTCOMES] = {
    [COMMAND_NONE] = {"NONE", false, 1},
#define TARGET(name, number, success)
#define COMMAND(name, number, exit) [COMMAND_##name] = {#name, false, exit},
#include "model/outcome.def"
#undef TARGET
#undef COMMAND
};

enum { LABEL_SIZE = 24 };

static const char *label_of(char labels[][LABEL_SIZE], const struct row *rows, int index)
{
    char *label = labels[index];
    if (!label[0])
        for (int i = 0; rows[index].name[i] && i + 1 < LABEL_SIZE; i++)
            label[i] = (char)tolower((unsigned char)rows[index].name[i]);
    return label;
}

const char *target_outcome_label(enum target_outcome outcome)
{
    static char labels[TARGET_OUTCOMES][LABEL_SIZE];
    CHECK((unsigned)outcome < TARGET_OUTCOMES);
    return label_of(labels, targets, (int)outcome);
}

const char *command_outcome_label(enum command_outcome outcome)
{
    static char labels[COMMAND_OUTCOMES][LABEL_SIZE];
    CHECK((unsigned)outcome < COMMAND_OUTCOMES);
    return label_of(labels, commands, (int)outcome);
}

bool target_outcome_is_success(enum target_outcome outcome)
{
    CHECK((unsigned)outcome < TARGET_OUTCOMES);
    return targets[outcome].success;
}

int command_outcome_exit_status(enum command_outcome outcome)
{
    CHECK((unsigned)outcome < COMMAND_OUTCOMES);
    return commands[outcome].exit;
}

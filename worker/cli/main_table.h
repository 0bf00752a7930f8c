/* main_table.h - the program: finds the subcommand in the table (commands.def) and runs it.
 *
 * A subcommand is a function and a table of options (argp). Standard output carries the answer,
 * standard error the talk. Exit status: 0 done, 1 failed, 2 usage, 3 some of several, 4 not found,
 * 5 refused, 6 timed out, 75 later, 78 configuration. */
#ifndef CLI_MAIN_TABLE_H
#define CLI_MAIN_TABLE_H

#include <argp.h>
#include <stddef.h>

struct cli_command {
    const char *name;
    const char *words; /* possible first arguments, with blanks between; "" = none are fixed */
    const char *help;  /* one line */
    int (*run)(int argc, char **argv); /* argv[0] is "curfew <name>"; returns the exit status */
    const struct argp *argp;           /* its options, for completion and manuals */
};

#define COMMAND(name, words, help)                                                                 \
    int cmd_##name(int argc, char **argv);                                                         \
    extern const struct argp cmd_##name##_argp;
#include "cli/commands.def"
#undef COMMAND

/* All subcommands, in the order in which help names them; `*ret_count` of them. Static. */
const struct cli_command *cli_commands(size_t *ret_count);
/* NULL: there is none of that name. */
const struct cli_command *cli_command_find(const char *name);
/* The whole program. */
int cli_main(int argc, char **argv);

#endif

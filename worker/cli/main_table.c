#include "cli/main_table.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/process.h"
#include "cli/say.h"
#include "kafka/settings.h"

enum { TITLE_MAX = 64 };

static const struct cli_command commands[] = {
#define COMMAND(name, words, help) {#name, words, help, cmd_##name, &cmd_##name##_argp},
#include "cli/commands.def"
#undef COMMAND
};

const struct cli_command *cli_commands(size_t *ret_count)
{
    *ret_count = sizeof commands / sizeof *commands;
    return commands;
}

const struct cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static void help(FILE *to)
{
    fputs("Ends 1C:Enterprise sessions on commands from Kafka.\n"
          "\n"
          "  curfew demo                                        see it work, no set-up needed\n"
          "  curfew worker --config /etc/curfew/curfew.yaml     run the worker\n"
          "  curfew terminate --cluster main --infobase ut --number 7,9-11 --wait\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].help);
    fputs("\n"
          "  curfew COMMAND --help   examples and options of a command\n"
          "  curfew --version        versions of the program and of librdkafka\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 usage, 3 some of several failed, 4 not found,\n"
          "5 refused, 6 timed out, 75 try later, 78 wrong configuration.\n",
          to);
}

/* A reader who left (`curfew status | head -1`) ends us as he ends every program. SIGPIPE is
 * ignored until then, because a RAS that hangs up would end us as well. */
static void leave_with_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) != 1 || !(out.revents & POLLERR))
        return;
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}

/* An answer that nobody could read is no success, whatever was done. */
static int answered(const char *command, int status)
{
    struct error err;
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    leave_with_reader();
    error_set(&err, ERR_SYSTEM, "the answer could not be written to standard output");
    return say_error(command, &err);
}

static int version(void)
{
    printf("curfew %s\nlibrdkafka %s\n", CURFEW_VERSION, kafka_library_version());
    return answered(NULL, 0);
}

static int unknown(const char *name)
{
    const char *names[sizeof commands / sizeof *commands];
    struct error err;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        names[i] = commands[i].name;
    const char *near = suggest(name, names, sizeof commands / sizeof *commands);
    if (near)
        error_set(&err, ERR_USAGE, "there is no command '%s'; did you mean 'curfew %s'?", name,
                  near);
    else
        error_set(&err, ERR_USAGE, "there is no command '%s'; 'curfew --help' names them all",
                  name);
    return say_error(NULL, &err);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    char title[TITLE_MAX];
    snprintf(title, sizeof title, "curfew %s", command->name);
    char *name = argv[1];
    argv[1] = title;
    argp_err_exit_status = error_exit_status(ERR_USAGE);
    int status = command->run(argc - 1, argv + 1);
    argv[1] = name; /* `title` ends here */
    return answered(command->name, status);
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

/* Tables are aligned by characters, and everything we print is UTF-8 whatever the locale says. */
static void choose_characters(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

int cli_main(int argc, char **argv)
{
    struct error err;
    if (process_fill_standard(&err))
        return say_error(NULL, &err);
    signal(SIGPIPE, SIG_IGN);
    choose_characters();
    if (argc < 2) {
        help(stderr);
        return error_exit_status(ERR_USAGE);
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        return version();
    const struct cli_command *command = cli_command_find(argv[1]);
    if (!command && is_help(argv[1]) && argc > 2 && (command = cli_command_find(argv[2]))) {
        char *help_option[] = {argv[0], argv[2], (char[]){"--help"}, NULL};
        return run(command, 3, help_option);
    }
    if (command)
        return run(command, argc, argv);
    if (!is_help(argv[1]))
        return unknown(argv[1]);
    if (argc > 2)
        return unknown(argv[2]);
    help(stdout);
    return answered(NULL, 0);
}

/* curfew completion: scripts for shells, made from the tables of commands and options. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/options.h"

struct completion_options {
    struct cli_common common;
    const char *shell;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct completion_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->common;
        return 0;
    case ARGP_KEY_ARG:
        if (options->shell ||
            (strcmp(arg, "bash") != 0 && strcmp(arg, "zsh") != 0 && strcmp(arg, "fish") != 0))
            argp_error(state, "say bash, zsh or fish; not '%s'", arg);
        options->shell = arg;
        return 0;
    case ARGP_KEY_END:
        if (!options->shell)
            argp_error(state, "for which shell? bash, zsh or fish");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_output_argp, 0, NULL, 0}, {0}};

const struct argp cmd_completion_argp = {
    NULL,
    parse,
    "bash|zsh|fish",
    "Prints a completion script.\n\n"
    "Examples:\n"
    "  curfew completion bash > /etc/bash_completion.d/curfew\n"
    "  curfew completion zsh > /usr/share/zsh/site-functions/_curfew\n"
    "  curfew completion fish > ~/.config/fish/completions/curfew.fish\n",
    children,
    NULL,
    NULL};

static void each_option(const struct cli_command *command,
                        void (*visit)(const struct cli_command *command,
                                      const struct argp_option *option))
{
    const struct argp_option *options[OPTIONS_MAX];
    size_t count = options_list(command->argp, options);
    for (size_t i = 0; i < count; i++)
        visit(command, options[i]);
}

/* ---- bash ---- */

static void bash_option(const struct cli_command *command, const struct argp_option *option)
{
    (void)command;
    printf(" --%s", option->name);
}

static void bash(const struct cli_command *commands, size_t count)
{
    puts("# bash completion of curfew\n"
         "_curfew()\n"
         "{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "    case $prev in\n"
         "        --config|-c|-F|--port-file) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
         "    esac\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        words=\"--help --version", stdout);
    for (size_t i = 0; i < count; i++)
        printf(" %s", commands[i].name);
    puts("\"\n    else\n        case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < count; i++) {
        printf("            %s) words=\"%s --help", commands[i].name, commands[i].words);
        each_option(&commands[i], bash_option);
        puts("\" ;;");
    }
    puts("        esac\n"
         "    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -o default -F _curfew curfew");
}

/* ---- zsh ---- */

/* Inside single quotes and brackets of _arguments. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            putchar('\\');
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

static void zsh_option(const struct cli_command *command, const struct argp_option *option)
{
    (void)command;
    printf(" \\\n                '*--%s%s[", option->name, option->arg ? "=" : "");
    zsh_text(option->doc ? option->doc : "");
    putchar(']');
    if (option->arg)
        printf(":%s:%s", option->arg, strcmp(option->arg, "FILE") ? "" : "_files");
    putchar('\'');
}

static void zsh(const struct cli_command *commands, size_t count)
{
    puts("#compdef curfew\n"
         "_curfew() {\n"
         "    local -a commands=(");
    for (size_t i = 0; i < count; i++) {
        printf("        '%s:", commands[i].name);
        zsh_text(commands[i].help);
        puts("'");
    }
    puts("    )\n"
         "    if (( CURRENT == 2 )); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    (( CURRENT-- ))\n"
         "    case $command in");
    for (size_t i = 0; i < count; i++) {
        printf("        %s)\n            _arguments '--help[examples and options]'",
               commands[i].name);
        each_option(&commands[i], zsh_option);
        if (commands[i].words[0])
            printf(" \\\n                '1:word:(%s)'", commands[i].words);
        puts("\n            ;;");
    }
    puts("    esac\n"
         "}\n"
         "_curfew \"$@\"");
}

/* ---- fish ---- */

static void fish_text(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_option(const struct cli_command *command, const struct argp_option *option)
{
    printf("complete -c curfew -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (isalnum(option->key) && option->key < 128)
        printf(" -s %c", option->key);
    if (option->arg)
        fputs(strcmp(option->arg, "FILE") ? " -x" : " -r -F", stdout);
    fputs(" -d ", stdout);
    fish_text(option->doc ? option->doc : "");
    putchar('\n');
}

static void fish(const struct cli_command *commands, size_t count)
{
    puts("# fish completion of curfew\n"
         "complete -c curfew -f");
    for (size_t i = 0; i < count; i++) {
        printf("complete -c curfew -n __fish_use_subcommand -a %s -d ", commands[i].name);
        fish_text(commands[i].help);
        putchar('\n');
        if (commands[i].words[0])
            printf("complete -c curfew -n '__fish_seen_subcommand_from %s' -a '%s'\n",
                   commands[i].name, commands[i].words);
        each_option(&commands[i], fish_option);
    }
}

int cmd_completion(int argc, char **argv)
{
    struct completion_options options = {0};
    size_t count;
    const struct cli_command *commands = cli_commands(&count);
    cli_common_init(&options.common);
    cli_parse(&cmd_completion_argp, argc, argv, &options);
    if (!strcmp(options.shell, "bash"))
        bash(commands, count);
    else if (!strcmp(options.shell, "zsh"))
        zsh(commands, count);
    else
        fish(commands, count);
    return 0;
}

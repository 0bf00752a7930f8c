/* The simulation as a program: seeds, replays, scenarios, mutations. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "strike.h"

enum { SEEDS_DEFAULT = SIM_SEEDS };

struct arguments {
    uint64_t first;
    uint64_t count;
    bool trace;
    bool mutations_all;
    const char *mutation;
    const char *scenario;
    uint32_t ticks;
    uint64_t strikes;
    const char *strike;
};

static int usage(void)
{
    fputs("sim_engine [--seeds N] [--first S] [--seed S] [--trace] [--steps N]\n"
          "           [--mutation NAME | --mutations] [--scenario NAME | --scenarios]\n"
          "           [--strikes SEEDS | --strike KIND@NUMBER[+!]]\n",
          stderr);
    return 2;
}

static bool read_number(const char *text, uint64_t *ret)
{
    return text_u64(text_of(text), UINT64_MAX, ret, NULL) == ERR_OK;
}

static bool read_arguments(int count, char **values, struct arguments *ret)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'},  {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},   {"trace", no_argument, NULL, 't'},
        {"steps", required_argument, NULL, 'p'},  {"mutation", required_argument, NULL, 'm'},
        {"mutations", no_argument, NULL, 'M'},    {"scenario", required_argument, NULL, 'c'},
        {"scenarios", no_argument, NULL, 'C'},    {"strikes", required_argument, NULL, 'k'},
        {"strike", required_argument, NULL, 'K'}, {NULL, 0, NULL, 0}};
    *ret = (struct arguments){.first = 1, .count = SEEDS_DEFAULT};
#ifdef CURFEW_MUTATIONS
    ret->mutations_all = count == 1; /* what ctest runs */
#endif
    int option;
    uint64_t ticks = 0;
    while ((option = getopt_long(count, values, "", options, NULL)) != -1) {
        bool good = true;
        switch (option) {
        case 'n':
            good = read_number(optarg, &ret->count);
            break;
        case 'f':
            good = read_number(optarg, &ret->first);
            break;
        case 's':
            good = read_number(optarg, &ret->first);
            ret->count = 1;
            break;
        case 'p':
            good = read_number(optarg, &ticks);
            ret->ticks = (uint32_t)ticks;
            break;
        case 'k':
            good = read_number(optarg, &ret->strikes);
            break;
        case 'K':
            ret->strike = optarg;
            break;
        case 't':
            ret->trace = true;
            break;
        case 'm':
            ret->mutation = optarg;
            break;
        case 'M':
            ret->mutations_all = true;
            break;
        case 'c':
            ret->scenario = optarg;
            break;
        case 'C':
            ret->scenario = "";
            break;
        default:
            good = false;
        }
        if (!good)
            return false;
    }
    return optind == count;
}

/* A CHECK of the engine that fails: say which seed shows it. */
static void aborted(int signal_number)
{
    report_running();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int main(int count, char **values)
{
    struct arguments arguments;
    signal(SIGABRT, aborted);
    if (!read_arguments(count, values, &arguments))
        return usage();
    if (arguments.strike)
        return strike_replay(arguments.first, arguments.strike, arguments.trace);
    if (arguments.strikes)
        return strikes_run(arguments.first, arguments.strikes, 1, arguments.trace);
    if (arguments.scenario)
        return scenarios_run(arguments.scenario, arguments.first, arguments.trace);
#ifndef CURFEW_MUTATIONS
    if (arguments.mutations_all || arguments.mutation) {
        fputs("this program runs the engine as it is shipped; sim_mutants can mutate it\n", stderr);
        return 2;
    }
#endif
    if (arguments.mutations_all || arguments.mutation)
        return mutations_run(arguments.mutation, arguments.first, arguments.count, arguments.trace);
    return seeds_run(arguments.first, arguments.count, arguments.ticks, arguments.trace);
}

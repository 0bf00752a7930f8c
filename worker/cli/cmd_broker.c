/* curfew broker: the embedded development broker alone. It reads its own options. */
#include "cli/main_table.h"
#include "sim/broker/broker.h"

static const struct argp_option options[] = {
    {"port-file", 'p', "FILE", 0, "Write the address to FILE as well", 0},
    {"topic", 't', "NAME:PARTITIONS", 0, "Make this topic instead of the default ones", 0},
    {0}};

const struct argp cmd_broker_argp = {
    options, NULL, NULL, "Runs the embedded development broker until it is interrupted.",
    NULL,    NULL, NULL};

int cmd_broker(int argc, char **argv)
{
    return broker_run(argc, argv);
}

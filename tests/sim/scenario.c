/* Worlds with one purpose. */
#include "scenario.h"

int scenarios_run(const char *name, uint64_t first, bool trace)
{
    (void)name;
    (void)first;
    (void)trace;
    return 0;
}

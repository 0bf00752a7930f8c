/* curfew: see cli/main_table.h. */
#include "cli/main_table.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}

/* curfew-ras-sim: the simulated administration server as a program. */
#include "sim/ras/program.h"

int main(int argc, char **argv)
{
    return ras_sim_main(argc, argv);
}

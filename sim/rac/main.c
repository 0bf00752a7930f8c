/* curfew-rac-sim: a stand-in for the platform's rac. */
#include "sim/rac/program.h"

int main(int argc, char **argv)
{
    return rac_sim_main(argc, argv);
}

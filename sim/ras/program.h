/* program.h - the command line of curfew-ras-sim.
 *
 * Prints one line per cluster on standard output once it listens, and a summary at the end. Stops
 * on SIGTERM, SIGINT, or `stop` at the control port. Exit status: 0; 1 if a client broke the
 * protocol (violation.def); 2 for a wrong command line; 78 when it cannot start. */
#ifndef SIM_RAS_PROGRAM_H
#define SIM_RAS_PROGRAM_H

int ras_sim_main(int argc, char **argv);

#endif

/* program.h - curfew-rac-sim: a program that answers as the platform's rac does, for tests.
 *
 * Speaks to an administration server (usually curfew-ras-sim) over the client's own connection and
 * prints what captures of rac 8.3.10, 8.3.21 and 8.5.1 show (docs/rac.md): padded keys, quotes,
 * the languages of its texts, code pages, exit status 0 and 255 and nothing else.
 *
 * It takes rac's own arguments and nothing else, so what it plays is told by its environment:
 *   RAC_SIM_VERSION    8.3.21.1895 (default), 8.5.1.1150, 8.5.4.1878, 8.3.10.2252, ...
 *   RAC_SIM_ENCODING   utf-8 (default), cp866, cp1251: of all that it prints
 *   RAC_SIM_LANGUAGE   ru (default), en: of the server's texts; arguments are refused in English,
 *                      as by a client of another language, unless RAC_SIM_CLIENT_LANGUAGE=ru
 *   RAC_SIM_CRLF       1: lines end as on Windows
 *   RAC_SIM_FAULTS     a file that is read at each start (fault.h)
 *   RAC_SIM_LOG        a file: one JSON line per start with `pid`, `argv` and `environment`
 * Exit status: 0; 255 for whatever failed. */
#ifndef SIM_RAC_PROGRAM_H
#define SIM_RAC_PROGRAM_H

int rac_sim_main(int argc, char **argv);

#endif

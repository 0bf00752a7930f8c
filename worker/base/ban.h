/* ban.h - included before every source by the build: calls that have no place here. base/ has
 * checked ones. */
#ifndef BASE_BAN_H
#define BASE_BAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef __clang__ /* its fortified headers make macros of some of these; gcc watches */
#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat atoi atol atoll strtol strtoul   \
    strtoll strtoull localtime localtime_r mktime gets tmpnam
#endif

#endif

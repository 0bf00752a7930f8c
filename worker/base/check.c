#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr,
            "<2>curfew: check failed at %s:%d: %s; stopping, the journal brings the work back\n",
            file, line, expression);
    abort();
}

#include "model/resolution.h"

#include <stdlib.h>

void resolution_release(struct resolution *resolution)
{
    free(resolution->rows);
    *resolution = (struct resolution){0};
}

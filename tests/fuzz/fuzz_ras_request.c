/* What a client sends to a RAS: the simulator reads it. */
#include "tests/fuzz/fuzz_ras.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_ras_stream((struct text){(const char *)bytes, length}, true, NULL);
    return 0;
}

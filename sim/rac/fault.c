#include "sim/rac/fault.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const words[] = {
#define KIND(NAME, word, meaning) word,
#include "sim/rac/fault.def"
};

enum { LINE_MAX_BYTES = 256 };

static enum error_code read_line(char *line, const char *operation, struct rac_faults *faults,
                                 struct error *err)
{
    char *rest = line;
    const char *word = strsep(&rest, " \n");
    const char *where = rest ? strsep(&rest, " \n") : NULL;
    const char *value = rest ? strsep(&rest, " \n") : NULL;
    uint64_t number = 0;
    if (!word || !*word)
        return ERR_OK;
    if (!where || !*where)
        return error_set(err, ERR_INVALID, "'%s' names no operation", word);
    if (value && *value && text_u64(text_of(value), UINT32_MAX, &number, err))
        return err->code;
    for (size_t i = 0; i < RAC_FAULT_COUNT; i++) {
        if (strcmp(words[i], word) != 0)
            continue;
        if (!strcmp(where, "any") || !strcmp(where, operation)) {
            faults->on[i] = true;
            faults->value[i] = number;
        }
        return ERR_OK;
    }
    return error_set(err, ERR_INVALID, "'%s' is no kind of fault", word);
}

enum error_code rac_faults_read(const char *path, const char *operation, struct rac_faults *ret,
                                struct error *err)
{
    struct rac_faults faults = {0};
    char line[LINE_MAX_BYTES];
    enum error_code code = ERR_OK;
    FILE *file = path ? fopen(path, "r") : NULL;
    while (file && !code && fgets(line, sizeof line, file))
        code = read_line(line, operation, &faults, err);
    if (file)
        fclose(file);
    if (!code)
        *ret = faults;
    return code;
}

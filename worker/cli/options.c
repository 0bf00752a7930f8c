#include "cli/options.h"

#include <string.h>

#include "base/check.h"
#include "base/suggest.h"
#include "base/text.h"

static size_t list(const struct argp *argp, const struct argp_option **ret, size_t count)
{
    for (const struct argp_option *option = argp->options;
         option && (option->name || option->key || option->doc); option++) {
        if (!option->name || (option->flags & OPTION_HIDDEN))
            continue;
        CHECK(count < OPTIONS_MAX);
        ret[count++] = option;
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        count = list(child->argp, ret, count);
    return count;
}

size_t options_list(const struct argp *argp, const struct argp_option *ret[OPTIONS_MAX])
{
    return list(argp, ret, 0);
}

/* The option that `word` names or abbreviates; of several, any: argp tells when that is not clear.
 */
static const struct argp_option *find(const struct argp_option *const *options, size_t count,
                                      struct text word)
{
    const struct argp_option *begins = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(options[i]->name, word.at, word.length) != 0)
            continue;
        if (strlen(options[i]->name) == word.length)
            return options[i];
        begins = options[i];
    }
    return begins;
}

static enum error_code unknown(const struct argp_option *const *options, size_t count,
                               struct text word, struct error *err)
{
    const char *names[OPTIONS_MAX];
    char name[64];
    snprintf(name, sizeof name, "%.*s", TEXT_ARGS(word));
    for (size_t i = 0; i < count; i++)
        names[i] = options[i]->name;
    const char *near = suggest(name, names, count);
    if (near)
        return error_set(err, ERR_USAGE, "there is no option '--%s'; did you mean '--%s'?", name,
                         near);
    return error_set(err, ERR_USAGE, "there is no option '--%s'; --help names them all", name);
}

enum error_code options_check(const struct argp *argp, int argc, char **argv, struct error *err)
{
    static const struct argp_option own[] = {{"help", '?', NULL, 0, NULL, 0},
                                             {"usage", 'u', NULL, 0, NULL, 0}};
    const struct argp_option *options[OPTIONS_MAX];
    size_t count = options_list(argp, options);
    CHECK(count + 2 <= OPTIONS_MAX);
    options[count++] = &own[0];
    options[count++] = &own[1];
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        const char *name = argv[i] + 2;
        struct text word = {name, (size_t)(strchrnul(name, '=') - name)};
        const struct argp_option *option = find(options, count, word);
        if (!option)
            return unknown(options, count, word, err);
        if (option->arg && !name[word.length])
            i++; /* its value, whatever it looks like */
    }
    return ERR_OK;
}

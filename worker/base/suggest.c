#include "base/suggest.h"

#include <string.h>

enum { WORD_MAX = 64 }; /* letters; the longest property of librdkafka has 45 */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits between two words of at most WORD_MAX letters: one put in, taken out, changed, or two
 * neighbours swapped. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);
    for (unsigned i = 0; i <= na; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                            least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[na][nb];
}

const char *suggest(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word);
    const char *best = NULL;
    unsigned nearest = length < 4 ? 2 : 3; /* edits; this many is too far */
    if (length == 0 || length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > WORD_MAX)
            continue;
        unsigned edits = distance(word, names[i]);
        if (edits < nearest) {
            nearest = edits;
            best = names[i];
        }
    }
    for (size_t i = 0; i < count && !best && length >= 2; i++)
        if (!strncmp(names[i], word, length))
            best = names[i];
    return best;
}

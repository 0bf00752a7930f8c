/* output.h - what rac prints: from bytes to blocks of keys and values.
 *
 * A block is a run of lines `key : value`, closed by an empty line; a list is blocks one after the
 * other, and nothing at all is the empty list. Keys are padded with blanks and may have blanks
 * inside (8.3.21 prints `duration current-dbms`); a line is split at its first colon. A value is
 * bare or stands in double quotes, with quotes inside doubled; a description or a text of a lock
 * may then go over several lines; `''` is the empty text. Lines end with LF or CRLF
 * (captures: tests/unit/cluster/test_rac_output.c).
 *
 * All or nothing (I7): a block that is not closed, a line without a colon, a quote that is not
 * closed or a block with other keys than the first one is ERR_PROTOCOL, never a shorter list. That
 * a list was cut between two blocks cannot be seen in the text: the caller takes no output of a
 * program that did not end well. */
#ifndef CLUSTER_RAC_OUTPUT_H
#define CLUSTER_RAC_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum rac_encoding { RAC_AUTO, RAC_UTF8, RAC_CP866, RAC_CP1251 };

/* The encoding of these bytes, when they leave no doubt: UTF-8 when they are valid and not ASCII
 * alone; else the one of the two code pages in which every byte is a letter or sign of Russian
 * text. RAC_AUTO: ASCII alone, which is the same in all. ERR_PROTOCOL: both or none of the code
 * pages fit, and a guess could make one user's name of another's. */
enum error_code rac_encoding_of(struct text bytes, enum rac_encoding *ret,
                                struct error *err) MUST_CHECK;

/* The bytes as valid UTF-8 without NUL, in `arena` (or as they are where nothing changes).
 * ERR_PROTOCOL: they are not of this encoding; ERR_TOO_LARGE; ERR_CONFIG: this system's libc does
 * not know the code page. `encoding` is not RAC_AUTO unless the bytes are ASCII. */
enum error_code rac_decode(struct text bytes, enum rac_encoding encoding, struct arena *arena,
                           struct text *ret, struct error *err) MUST_CHECK;

struct rac_pair {
    struct text key; /* without padding; blanks inside are '-' */
    struct text value;
};

struct rac_block {
    struct rac_pair *pairs; /* 1 and more */
    size_t count;
};

struct rac_output {
    struct rac_block *blocks;
    size_t count;
};

/* `text` is valid UTF-8; values are borrowed from it or taken from `arena`. */
enum error_code rac_output_read(struct text text, struct arena *arena, struct rac_output *ret,
                                struct error *err) MUST_CHECK;
/* The value of a key (written with '-'); NULL: the block has none. */
const struct text *rac_block_find(const struct rac_block *block, struct text key);

#endif

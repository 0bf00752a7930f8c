/* vector.h - reads the exchanges of tests/vectors/ (the format stands in README.md there). For
 * tests: a file that cannot be read stops the program. */
#ifndef TESTS_VECTORS_VECTOR_H
#define TESTS_VECTORS_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"

enum {
    VECTOR_PACKETS_MAX = 64,
    VECTOR_BYTES_MAX = 64 * 1024,
    VECTOR_COMMENTS_MAX = 512,
};

struct vector_packet {
    bool from_client;
    const uint8_t *bytes;
    size_t length;
    const char *comments[VECTOR_COMMENTS_MAX]; /* "@0    byte      packet type = 14 ..." */
    size_t comment_count;
};

struct vector {
    char text[VECTOR_BYTES_MAX]; /* the file; comments point into it */
    uint8_t bytes[VECTOR_BYTES_MAX];
    unsigned version; /* of the endpoint */
    struct vector_packet packets[VECTOR_PACKETS_MAX];
    size_t count;
};

static inline int vector_hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Writes the bytes of `hex` (up to its first other character) to `ret`; returns how many. */
static inline size_t vector_hex(const char *hex, uint8_t *ret)
{
    size_t count = 0;
    for (; vector_hex_digit(hex[0]) >= 0 && vector_hex_digit(hex[1]) >= 0; hex += 2)
        ret[count++] = (uint8_t)(vector_hex_digit(hex[0]) << 4 | vector_hex_digit(hex[1]));
    return count;
}

static inline void vector_line(struct vector *vector, char *line, uint8_t **at)
{
    static const char version[] = "# endpoint version: ";
    struct vector_packet *last = vector->count ? &vector->packets[vector->count - 1] : NULL;
    if ((line[0] == '>' || line[0] == '<') && line[1] == ' ') {
        CHECK(vector->count < VECTOR_PACKETS_MAX);
        struct vector_packet *packet = &vector->packets[vector->count++];
        *packet = (struct vector_packet){.from_client = line[0] == '>', .bytes = *at};
        packet->length = vector_hex(line + 2, *at);
        CHECK(packet->length * 2 == strlen(line + 2));
        *at += packet->length;
    } else if (strncmp(line, version, sizeof version - 1) == 0) {
        CHECK(sscanf(line + sizeof version - 1, "%u.0", &vector->version) == 1);
    } else if (line[0] == '#' && last && strchr(line, '@')) {
        CHECK(last->comment_count < VECTOR_COMMENTS_MAX);
        last->comments[last->comment_count++] = strchr(line, '@');
    }
}

/* `path`: the file. `vector` is large; let it be static or from the heap. */
static inline void vector_load(struct vector *vector, const char *path)
{
    memset(vector, 0, sizeof *vector);
    FILE *file = fopen(path, "re");
    CHECK(file);
    size_t length = fread(vector->text, 1, sizeof vector->text - 1, file);
    CHECK(feof(file));
    fclose(file);
    vector->text[length] = '\0';
    uint8_t *at = vector->bytes;
    char *rest = vector->text;
    for (char *line; (line = strsep(&rest, "\n"));)
        vector_line(vector, line, &at);
    CHECK(vector->version);
    CHECK(vector->count);
}

#endif

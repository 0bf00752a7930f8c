/* limits.h - every maximum that is not configuration, once, with its unit and reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
    /* A journal record: tiles of a transparency log take leaves of at most 65,535 bytes, and some
     * room is left for signatures. */
    LIMIT_RECORD_BYTES = 60000,
    /* A command message, before decoding: ACCEPTED holds it whole, inside one record. */
    LIMIT_COMMAND_BYTES = 48 * 1024,
    /* What decoding one command may allocate: protobuf can inflate small input (arrays of empty
       messages). */
    LIMIT_COMMAND_DECODE_BYTES = 1024 * 1024,
    /* Headers of one command message, names and values together; a dead letter's key. */
    LIMIT_HEADERS_BYTES = 32 * 1024,
    /* Of a value in the dead letters: with headers and key below a broker's usual 1 MiB, and below
     * librdkafka's 1,000,000. */
    LIMIT_DEAD_LETTER_BYTES = 800000,
    LIMIT_PARTITIONS_NAMED = 1000, /* in one release of topics: with a digest each it stays below a
                                      command's bytes */
    LIMIT_NAME_BYTES = 256,        /* cluster, infobase, user, application, topic names */
    LIMIT_TEXT_BYTES = 1024, /* reasons and messages for people; a RAS string stays below 4096 */
    LIMIT_TARGETS = 10000,   /* selected by one command, whatever the configuration says */
    LIMIT_FILTER_DEPTH = 16, /* nested all/any/not */
    LIMIT_FILTER_NODES = 256,
    LIMIT_FILTER_VALUES = 2000, /* of all its conditions: each is compared with every session */
    LIMIT_EVENT_BYTES =
        900000, /* below the broker's usual 1 MiB; larger verdict lists are split into parts */
    LIMIT_RAS_PACKET_BYTES =
        64 * 1024 *
        1024, /* about 100,000 sessions; the announced length is checked before any memory */
    LIMIT_RAS_STRING_BYTES =
        4095, /* outgoing: clients read longer ones in two ways (docs/ras-protocol.md 3.3) */
    LIMIT_EXCEPTION_DEPTH = 8,
    LIMIT_CLUSTERS = 10000,
    LIMIT_ADDRESSES = 16, /* of one cluster */
};

/* A licence to act is valid this long after its record was handed to the producer, milliseconds
 * (I1). */
enum { LICENCE_AGE_MS = 10000 };
/* The longest validity that any command can have, milliseconds (24 h). */
enum { VALIDITY_MAX_MS = 86400000 };

#endif

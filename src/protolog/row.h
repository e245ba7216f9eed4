/* One row of a protocol log: a command that a server heard, with what it left; or a command or
 * reply of a session to another host. Rows are made where the dialogue is seen, in front and send,
 * and travel in batches to the store, which writes the files and believes none of it. */
#ifndef PROTOLOG_ROW_H
#define PROTOLOG_ROW_H

#include "base/wire.h"

enum protolog_kind {
    PROTOLOG_INBOUND,  /* a client's command and our answer */
    PROTOLOG_COMMAND,  /* ours, to another host */
    PROTOLOG_RESPONSE, /* his */
    PROTOLOG_KINDS
};

struct protolog_row {
    enum protolog_kind kind;
    uint8_t service;       /* enum service */
    int64_t wall_ms;       /* since 1970, before the year 10000 */
    struct text server;    /* name of the virtual server */
    struct text peer;      /* "192.0.2.1" */
    struct text user;      /* who is logged in, else how he greeted; "" */
    struct text address;   /* ours; "" not told */
    uint16_t port;         /* of the server: ours, or that of the other host */
    struct text verb;      /* "" */
    struct text arguments; /* behind the verb, or the words of a reply; "" */
    struct text status;    /* "250", "+OK"; "" none */
    uint64_t sent;         /* bytes from server to client (sc-bytes) */
    uint64_t received;     /* the other way, the command and what belongs to it (cs-bytes) */
    uint32_t took_ms;
};

enum {
    PROTOLOG_NAME_MAX = 255, /* bytes of server, user and addresses */
    PROTOLOG_VERB_MAX = 32,
    PROTOLOG_STATUS_MAX = 8,
    PROTOLOG_ARGUMENTS_MAX = 512,
    /* Of an encoded row. */
    PROTOLOG_ROW_MAX = 64 + 4 * PROTOLOG_NAME_MAX + PROTOLOG_VERB_MAX + PROTOLOG_STATUS_MAX +
                       PROTOLOG_ARGUMENTS_MAX,
};

/* Texts that are longer are cut. */
void protolog_row_encode(const struct protolog_row *row, struct buffer *out);
/* The next row; its texts borrow from the bytes. False: there is none, or (in->bad) none that we
 * would have written. */
bool protolog_row_decode(struct wire_reader *in, struct protolog_row *row);

#endif

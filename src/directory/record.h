/* What the directory's log says: one change a record, absolute values only, so that applying it
 * twice gives the same. The values in the index have the same form. */
#ifndef DIRECTORY_RECORD_H
#define DIRECTORY_RECORD_H

#include "base/buffer.h"

/* Types of log records; numbers are on disk for ever. */
enum directory_record_type {
    RECORD_USER = 1,        /* a user is as told here */
    RECORD_USER_GONE = 2,   /* a user is no more */
    RECORD_LIST = 3,        /* an alias or a group exists, and has (at least) these members */
    RECORD_MEMBERS_GONE = 4 /* members of it are no more; none named: the whole list is no more */
};

enum directory_list_kind { LIST_ALIAS = 1, LIST_GROUP = 2 };

enum {
    DIRECTORY_KEY_MAX = 320,
    DIRECTORY_HASH_MAX = 384, /* libxcrypt's CRYPT_OUTPUT_SIZE */
    DIRECTORY_NAME_MAX = 256,
    DIRECTORY_RECORD_MAX = 1 << 20,
};

/* Text is borrowed from the bytes decoded. Which fields count depends on the type. */
struct directory_record {
    enum directory_record_type type;
    struct text key;
    struct text hash; /* user: crypt(5) form, or "" for no password */
    struct text name; /* user: full name, or "" */
    bool enabled;     /* user */
    int64_t created_ms;
    enum directory_list_kind kind; /* list */
    struct text members;           /* encoded; walk with directory_record_member */
    uint32_t member_count;
};

/* "local@domain" in key form: within limits, UTF-8, no control bytes, no upper case ASCII. */
bool directory_key_is_valid(struct text key);

void directory_record_encode(const struct directory_record *record, struct buffer *out);
/* False when malformed in any way, members included. */
bool directory_record_decode(uint16_t type, struct text bytes, struct directory_record *out);

/* Append one member to a run of members: its key, and its address as written. */
void directory_record_put_member(struct buffer *members, struct text key, struct text address);
/* Take one member off the run of a decoded record. False at its end. */
bool directory_record_member(struct text *members, struct text *key, struct text *address);

#endif

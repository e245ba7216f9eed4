/* What the directory's log says: one change a record, absolute values only, so that applying it
 * twice gives the same. The values in the index have the same form. */
#ifndef DIRECTORY_RECORD_H
#define DIRECTORY_RECORD_H

#include "base/buffer.h"

/* Types of log records; numbers are on disk for ever. */
enum directory_record_type {
    RECORD_USER = 1,         /* a user is as told here */
    RECORD_USER_GONE = 2,    /* a user is no more */
    RECORD_LIST = 3,         /* an alias or a group exists, and has (at least) these members */
    RECORD_MEMBERS_GONE = 4, /* members of it are no more; none named: the whole list is no more */
    RECORD_KEYS = 5,         /* a user has these keys, and no others, to log in by */
    RECORD_SECRET = 6,       /* of this directory, made with it; belongs to no user */
    RECORD_NETWORK = 7,      /* a user has logged in from this network */
    RECORD_CERTIFICATE = 8,  /* a certificate is that of a user */
    RECORD_CERTIFICATE_GONE = 9,
    RECORD_ATTRIBUTE = 10 /* an attribute of a user, alias or group has this value; "": none */
};

/* What a user can prove a password with without sending it. Numbers are on disk for ever. */
enum login_key_kind {
    LOGIN_KEY_SCRAM_SHA_1 = 1,
    LOGIN_KEY_SCRAM_SHA_256 = 2,
    LOGIN_KEY_CRAM_MD5 = 3,
    LOGIN_KEY_NTLM = 4 /* the password itself: see ntlm_users.h */
};
struct login_key {
    enum login_key_kind kind;
    uint32_t iterations; /* SCRAM */
    struct text salt;    /* SCRAM */
    struct text stored;  /* SCRAM: StoredKey; CRAM-MD5: the state of MD5 behind the inner key;
                          * NTLM: the password */
    struct text server;  /* SCRAM: ServerKey; CRAM-MD5: behind the outer key */
};

enum directory_list_kind {
    LIST_ALIAS = 1,
    LIST_GROUP = 2,
    LIST_ADDRESS = 3 /* a further address of one user, given by a recipient policy */
};

enum {
    DIRECTORY_KEY_MAX = 320,
    DIRECTORY_HASH_MAX = 384, /* libxcrypt's CRYPT_OUTPUT_SIZE */
    DIRECTORY_NAME_MAX = 256,
    DIRECTORY_DIGEST_BYTES = 32, /* SHA-256 */
    DIRECTORY_SALT_MAX = 64,
    DIRECTORY_NETWORK_MAX = 48,
    DIRECTORY_ATTRIBUTE_MAX = 32, /* of its name */
    DIRECTORY_VALUE_MAX = 4096,
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
    struct text made_for; /* keys: SHA-256 of the hash they go with; another hash ends them */
    struct text keys;     /* keys: encoded; walk with directory_record_key */
    uint32_t key_count;
    struct text secret;           /* secret: DIRECTORY_DIGEST_BYTES */
    struct text network;          /* network: as text */
    struct text forgets;          /* network: another that is no longer remembered, or "" */
    int64_t seen_ms;              /* network: wall clock */
    struct text digest;           /* certificate: SHA-256 of its DER form */
    struct text attribute, value; /* attribute */
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

/* The same for keys. Decoded ones are within bounds, each kind once. */
void directory_record_put_key(struct buffer *keys, const struct login_key *key);
bool directory_record_key(struct text *keys, struct login_key *key);

#endif

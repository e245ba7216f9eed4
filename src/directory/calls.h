/* The bytes of the calls in client.h, both ways. Pure; decoding trusts nothing. */
#ifndef DIRECTORY_CALLS_H
#define DIRECTORY_CALLS_H

#include "directory/client.h"

enum {
    DIRECTORY_PASSWORD_MAX = 511, /* libxcrypt's CRYPT_MAX_PASSPHRASE_SIZE, less the NUL */
    DIRECTORY_PEER_MAX = 128,
    DIRECTORY_CALL_MAX = RPC_FRAME_MAX - 256, /* leaves room for the frame's own header */
};

/* DIRECTORY_CHECK: the address asked about, key form. */
void directory_check_encode(struct text key, struct buffer *out);
bool directory_check_decode(struct text bytes, struct text *key);

/* DIRECTORY_LOGIN. wants_session: a descriptor comes along, for the store. */
void directory_login_encode(const struct directory_login *login, bool wants_session,
                            struct buffer *out);
bool directory_login_decode(struct text bytes, struct directory_login *login, bool *wants_session);

/* DIRECTORY_EXPAND: keys are in arena, their bytes borrowed. */
void directory_expand_encode(const struct text *keys, unsigned count, struct buffer *out);
bool directory_expand_decode(struct text bytes, struct arena *arena, struct text **keys,
                             unsigned *count);

/* The answer to it. `asked`: how many addresses were asked about. Addresses are borrowed. */
void directory_targets_encode(const struct directory_target *targets, unsigned count,
                              struct buffer *out);
bool directory_targets_decode(struct text bytes, unsigned asked, struct arena *arena,
                              struct directory_target **targets, unsigned *count);

#endif

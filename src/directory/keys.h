/* Keys by which a user logs in without sending his password: SCRAM's, and CRAM-MD5's where the
 * administrator has asked for them. They are made from the password when it is set and, for a
 * user whose hash was imported, at his first login that sends it; and end with the hash. */
#ifndef DIRECTORY_KEYS_H
#define DIRECTORY_KEYS_H

#include "directory/directory.h"

/* Each guess at stolen keys costs as many rounds, and so does each login on the client's side. */
enum { LOGIN_KEY_ITERATIONS = 10000, LOGIN_KEY_SALT_BYTES = 16, LOGIN_KEYS_MAX = 2048 };
/* Kept only for those who need them: whoever steals these can log in with them. */
enum login_keys_with {
    WITH_CRAM = 1, /* fast to guess the password from */
    WITH_NTLM = 2  /* the password itself */
};

/* Make them from the password that `hash` is of, and record them; SCRAM's, and what else `with`
 * (login_keys_with) says. None are made when the password has no SASLprep form: REFUSED. YIELDS. */
enum status login_keys_set(struct directory *directory, struct text user, struct text hash,
                           struct text password, unsigned with);
/* The same where they are missing, after a login with the password. A failure is logged, no more.
 * YIELDS. */
void login_keys_complete(struct directory *directory, struct text user, struct text hash,
                         struct text password);

/* The user's key of this kind; its text lives in value. False when he has none that goes with his
 * present hash, or cannot log in. Does not yield. */
bool login_key_find(struct directory *directory, struct text user, enum login_key_kind kind,
                    struct buffer *value, struct login_key *out);

#endif

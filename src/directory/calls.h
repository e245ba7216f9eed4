/* The bytes of the calls in client.h, both ways. Pure; decoding trusts nothing. */
#ifndef DIRECTORY_CALLS_H
#define DIRECTORY_CALLS_H

#include "directory/client.h"

enum {
    DIRECTORY_PASSWORD_MAX = 511, /* libxcrypt's CRYPT_MAX_PASSPHRASE_SIZE, less the NUL */
    DIRECTORY_PEER_MAX = 128,
    DIRECTORY_HOST_MAX = 255,

    DIRECTORY_CALL_MAX = RPC_FRAME_MAX - 256, /* leaves room for the frame's own header */
};

/* Sessions of this service can be handed over to the store; never those for sending. */
bool directory_has_mailbox(enum service service);

/* DIRECTORY_CHECK: the address asked about, key form. */
void directory_check_encode(struct text key, struct buffer *out);
bool directory_check_decode(struct text bytes, struct text *key);

/* DIRECTORY_DESCRIBE: a key, or a local part alone; and the answer, whose members are in arena.
 * Text is borrowed. */
void directory_describe_encode(struct text key, struct buffer *out);
bool directory_describe_decode(struct text bytes, struct text *key);
void directory_description_encode(const struct directory_description *description,
                                  struct buffer *out);
bool directory_description_decode(struct text bytes, struct arena *arena,
                                  struct directory_description *out);

/* DIRECTORY_LOGIN. wants_session: a descriptor comes along, for the store. */
void directory_login_encode(const struct directory_login *login, bool wants_session,
                            struct buffer *out);
bool directory_login_decode(struct text bytes, struct directory_login *login, bool *wants_session);

/* DIRECTORY_SASL_STEP. exchange 0 begins one: facts count then alone. */
struct directory_sasl_request {
    uint64_t exchange;
    struct directory_sasl_facts facts;
    bool has_response;
    struct text response;
};
void directory_sasl_request_encode(const struct directory_sasl_request *request,
                                   struct buffer *out);
bool directory_sasl_request_decode(struct text bytes, struct directory_sasl_request *request);
/* Its answer; challenge and user are borrowed. */
void directory_sasl_answer_encode(const struct directory_sasl_answer *answer, struct buffer *out);
bool directory_sasl_answer_decode(struct text bytes, struct directory_sasl_answer *answer);
/* DIRECTORY_SASL_CANCEL and DIRECTORY_SASL_SESSION. */
void directory_exchange_encode(uint64_t exchange, struct buffer *out);
bool directory_exchange_decode(struct text bytes, uint64_t *exchange);

/* DIRECTORY_EXPAND: keys and facts are in arena, their bytes borrowed. */
void directory_expand_encode(const struct directory_question *question, struct buffer *out);
bool directory_expand_decode(struct text bytes, struct arena *arena,
                             struct directory_question *question);

/* DIRECTORY_RIGHTS: whose, and on which server; and the answer. */
void directory_rights_encode(struct text user, struct text server, struct buffer *out);
bool directory_rights_decode(struct text bytes, struct text *user, struct text *server);
void directory_rights_answer_encode(const struct directory_rights *rights, struct buffer *out);
bool directory_rights_answer_decode(struct text bytes, struct directory_rights *rights);

/* DIRECTORY_FORWARD; its answer is the address. Texts are borrowed. */
void directory_forward_encode(struct text sender, struct text domain, struct buffer *out);
bool directory_forward_decode(struct text bytes, struct text *sender, struct text *domain);

/* The answer to DIRECTORY_EXPAND. `asked`: how many addresses were asked about. Texts are borrowed.
 */
void directory_answer_encode(const struct directory_answer *answer, struct buffer *out);
bool directory_answer_decode(struct text bytes, unsigned asked, struct arena *arena,
                             struct directory_answer *out);

#endif

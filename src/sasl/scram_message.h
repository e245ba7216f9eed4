/* What a SCRAM client sends (RFC 5802 7), taken apart for a server. Pure; text is borrowed. */
#ifndef SASL_SCRAM_MESSAGE_H
#define SASL_SCRAM_MESSAGE_H

#include "base/text.h"

enum { SCRAM_NONCE_MAX = 256, SCRAM_HEADER_MAX = 1024 };

struct scram_first {
    struct text header;       /* gs2-header, with its commas */
    char flag;                /* 'n', 'y' or 'p' */
    struct text binding_name; /* with 'p' */
    struct text other;        /* authzid, a saslname; "" none */
    struct text bare;         /* all behind the header */
    struct text name;         /* a saslname */
    struct text nonce;
};
/* False: not of the grammar, or with an extension that must be understood (m=). */
bool scram_first_parse(struct text message, struct scram_first *out);

struct scram_final {
    struct text binding; /* base64 */
    struct text nonce;
    struct text proof;         /* base64 */
    struct text without_proof; /* all before ",p=" */
};
bool scram_final_parse(struct text message, struct scram_final *out);

#endif

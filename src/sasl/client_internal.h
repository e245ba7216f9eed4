/* One login under way, for the files of the client's mechanisms. */
#ifndef SASL_CLIENT_INTERNAL_H
#define SASL_CLIENT_INTERNAL_H

#include "sasl/client.h"
#include "sasl/scram.h"

enum { SASL_MESSAGE_MAX = 64 << 10, SASL_NONCE_BYTES = 24 };

struct sasl_gss;

struct sasl_client {
    enum sasl_mechanism mechanism;
    struct sasl_identity identity;
    struct sasl_peer peer;
    unsigned steps;   /* taken */
    bool is_complete; /* the peer owes us no proof any more */
    /* SCRAM */
    struct buffer header;        /* gs2-header */
    struct buffer nonce;         /* ours */
    struct buffer messages;      /* what both sides sign */
    struct scram_digest verdict; /* the signature that the server has to show */
    struct sasl_gss *gss;        /* GSSAPI, GSS-SPNEGO, NTLM */
    bool gss_layer_agreed;
};

/* One step of each mechanism: see sasl_client_step. */
typedef enum status sasl_step(struct sasl_client *client, struct text challenge,
                              struct buffer *response);
sasl_step sasl_step_scram, sasl_step_gssapi, sasl_step_gss_raw, sasl_step_bearer, sasl_step_xoauth2,
    sasl_step_cram_md5, sasl_step_external, sasl_step_plain, sasl_step_login;

#endif

/* The choice of a mechanism, and the life of a login. */
#include "sasl/client_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sasl/gss.h"

enum { USUAL_RESPONSE = 2048 };

static sasl_step *const steps[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_256_PLUS] = sasl_step_scram,
    [SASL_SCRAM_SHA_256] = sasl_step_scram,
    [SASL_SCRAM_SHA_1_PLUS] = sasl_step_scram,
    [SASL_SCRAM_SHA_1] = sasl_step_scram,
    [SASL_GSSAPI] = sasl_step_gssapi,
    [SASL_GSS_SPNEGO] = sasl_step_gss_raw,
    [SASL_NTLM] = sasl_step_gss_raw,
    [SASL_OAUTHBEARER] = sasl_step_bearer,
    [SASL_XOAUTH2] = sasl_step_xoauth2,
    [SASL_CRAM_MD5] = sasl_step_cram_md5,
    [SASL_EXTERNAL] = sasl_step_external,
    [SASL_PLAIN] = sasl_step_plain,
    [SASL_LOGIN] = sasl_step_login,
};

static bool may_show_secret(const struct sasl_identity *identity, const struct sasl_peer *peer)
{
    switch (identity->secrecy) {
    case SASL_OVER_VERIFIED_TLS:
        return peer->is_verified || peer->is_local;
    case SASL_OVER_TLS:
        return peer->is_tls || peer->is_local;
    case SASL_OVER_ANYTHING:
        break;
    }
    return true;
}

/* Why none of the offered ones will do. `withheld`: one would, but it shows the secret. */
static void tell_none(const struct sasl_identity *identity, const struct sasl_peer *peer,
                      bool withheld)
{
    if (peer->offered == 0)
        refused("the peer offers no login that we know");
    else if (withheld && peer->is_tls)
        refused("the login would show the secret to a peer whose certificate is not verified");
    else if (withheld)
        refused("the login would show the secret without TLS");
    else if ((peer->offered & identity->allowed) == 0)
        refused("the peer offers no login that the settings allow");
    else
        refused("the peer offers no login that what is set suffices for");
}

enum sasl_mechanism sasl_client_choose(const struct sasl_identity *identity,
                                       const struct sasl_peer *peer, uint32_t tried)
{
    uint32_t possible = peer->offered & identity->allowed & ~tried;
    unsigned met = sasl_identity_meets(identity) | SASL_SPEAKS_FIRST | SASL_BLOCKS;
    if (!peer->is_tls)
        met &= ~(unsigned)SASL_NEEDS_CERTIFICATE;
    if (peer->binding_type != NULL)
        met |= SASL_NEEDS_BINDING;
    if ((possible & SASL_BIT(SASL_NTLM)) != 0 && sasl_gss_has_ntlm())
        met |= SASL_NEEDS_NTLM;
    bool withheld = false;
    for (enum sasl_mechanism mechanism = 0; mechanism < SASL_MECHANISMS; mechanism++) {
        unsigned lacking = sasl_mechanism_traits(mechanism) & ~met;
        if ((possible & SASL_BIT(mechanism)) == 0 || (lacking & ~SASL_SHOWS_SECRET) != 0)
            continue;
        if (lacking == 0 || may_show_secret(identity, peer))
            return mechanism;
        withheld = true;
    }
    tell_none(identity, peer, withheld);
    return SASL_MECHANISMS;
}

struct sasl_client *sasl_client_new(enum sasl_mechanism mechanism,
                                    const struct sasl_identity *identity,
                                    const struct sasl_peer *peer)
{
    check(mechanism < SASL_MECHANISMS);
    struct sasl_client *client = calloc(1, sizeof(*client));
    check(client != NULL);
    client->mechanism = mechanism;
    client->identity = *identity;
    client->peer = *peer;
    buffer_init(&client->header, SASL_MESSAGE_MAX);
    buffer_init(&client->nonce, SASL_MESSAGE_MAX);
    buffer_init(&client->messages, SASL_MESSAGE_MAX);
    return client;
}

void sasl_client_free(struct sasl_client **client)
{
    struct sasl_client *freed = *client;
    *client = NULL;
    if (freed == NULL)
        return;
    sasl_gss_free(&freed->gss);
    buffer_forget(&freed->header);
    buffer_forget(&freed->nonce);
    buffer_forget(&freed->messages);
    explicit_bzero(freed, sizeof(*freed));
    free(freed);
}

enum status sasl_client_step(struct sasl_client *client, struct text challenge,
                             struct buffer *response)
{
    buffer_reserve(response, USUAL_RESPONSE); /* growing leaves copies of secrets behind */
    enum status status = steps[client->mechanism](client, challenge, response);
    client->steps++;
    if (status == OK && response->overflowed)
        return refused("the exchange is larger than it may be");
    return status;
}

enum status sasl_client_succeed(const struct sasl_client *client)
{
    if (client->is_complete)
        return OK;
    return refused("the peer says that we are logged in, but has not proved who it is");
}

/* GSSAPI, GSS-SPNEGO and NTLM as a client: tokens of the GSS library, passed through. */
#include "sasl/client_internal.h"
#include "sasl/gss.h"

enum { NO_LAYER = 1, LAYER_BYTES = 4 };

static enum sasl_gss_kind kind_of(const struct sasl_client *client)
{
    if (client->mechanism == SASL_NTLM)
        return SASL_GSS_NTLMSSP;
    bool wraps = client->mechanism == SASL_GSS_SPNEGO || client->peer.wraps;
    return wraps ? SASL_GSS_NEGOTIATE : SASL_GSS_KERBEROS;
}

static enum status begin(struct sasl_client *client)
{
    const struct sasl_identity *identity = &client->identity;
    struct sasl_gss_initiator with = {.kind = kind_of(client),
                                      .service = client->peer.service,
                                      .host = client->peer.host,
                                      .user = identity->user,
                                      .domain = identity->domain,
                                      .password = identity->password,
                                      .keytab = identity->keytab,
                                      .tickets = identity->tickets};
    return sasl_gss_initiate(&with, &client->gss);
}

static enum status exchange(struct sasl_client *client, struct text challenge,
                            struct buffer *response)
{
    if (client->steps == 0 && begin(client) != OK)
        return TRY_LATER;
    enum status status = sasl_gss_step(client->gss, challenge, response);
    client->is_complete = status == OK && sasl_gss_is_complete(client->gss);
    return status;
}

enum status sasl_step_gss_raw(struct sasl_client *client, struct text challenge,
                              struct buffer *response)
{
    return exchange(client, challenge, response);
}

/* RFC 4752 3.1: the server tells which protections of the connection it can do, of which we take
 * none: TLS is there for that. */
static enum status agree_on_layer(struct sasl_client *client, struct text challenge,
                                  struct buffer *response)
{
    static const char none[LAYER_BYTES] = {NO_LAYER, 0, 0, 0};
    struct buffer offer;
    buffer_init(&offer, SASL_MESSAGE_MAX);
    enum status status = sasl_gss_unwrap(client->gss, challenge, &offer);
    if (status == OK && (offer.length != LAYER_BYTES || (offer.data[0] & NO_LAYER) == 0))
        status = refused("the peer wants its own protection of the connection, beside TLS");
    if (status == OK)
        status = sasl_gss_wrap(client->gss, text_of(none, sizeof(none)), response);
    buffer_finish(&offer);
    client->gss_layer_agreed = status == OK;
    return status;
}

/* Exchange leaves the round about protection out. */
enum status sasl_step_gssapi(struct sasl_client *client, struct text challenge,
                             struct buffer *response)
{
    if (!client->is_complete)
        return exchange(client, challenge, response);
    if (client->gss_layer_agreed)
        return refused("the peer asks for more than the mechanism has");
    return agree_on_layer(client, challenge, response);
}

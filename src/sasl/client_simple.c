/* The mechanisms whose messages are but one line: what they send, the peer can't prove anything. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "sasl/client_internal.h"

static enum status too_many(void)
{
    return refused("the peer asks for more than the mechanism has");
}

/* RFC 4616: authorization identity (none: our own), user, password. */
enum status sasl_step_plain(struct sasl_client *client, struct text challenge,
                            struct buffer *response)
{
    unused(challenge);
    if (client->steps > 0)
        return too_many();
    buffer_append_byte(response, '\0');
    buffer_append(response, client->identity.user);
    buffer_append_byte(response, '\0');
    buffer_append(response, client->identity.password);
    client->is_complete = true;
    return OK;
}

/* The first challenge asks for the user, the second for the password, in whatever words. */
enum status sasl_step_login(struct sasl_client *client, struct text challenge,
                            struct buffer *response)
{
    unused(challenge);
    if (client->steps > 1)
        return too_many();
    bool is_password = client->steps == 1;
    buffer_append(response, is_password ? client->identity.password : client->identity.user);
    client->is_complete = is_password;
    return OK;
}

/* RFC 2195 2: the user, and the keyed hash of the challenge in hexadecimal. */
enum status sasl_step_cram_md5(struct sasl_client *client, struct text challenge,
                               struct buffer *response)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const struct text key = client->identity.password;
    if (client->steps > 0)
        return too_many();
    if (text_is_empty(challenge))
        return refused("the peer's challenge is empty");
    if (HMAC(EVP_md5(), key.data, (int)key.length, (const unsigned char *)challenge.data,
             challenge.length, digest, &length) == NULL)
        return try_later("MD5 is not available here");
    buffer_printf(response, "%.*s ", TEXT_ARG(client->identity.user));
    for (unsigned i = 0; i < length; i++)
        buffer_printf(response, "%02x", digest[i]);
    client->is_complete = true;
    return OK;
}

/* RFC 4422 A: who we want to be; none: whoever the certificate says. */
enum status sasl_step_external(struct sasl_client *client, struct text challenge,
                               struct buffer *response)
{
    unused(challenge);
    if (client->steps > 0)
        return too_many();
    buffer_append(response, client->identity.user);
    client->is_complete = true;
    return OK;
}

/* A name in RFC 7628's gs2-header is quoted as SCRAM's is. */
enum status sasl_step_bearer(struct sasl_client *client, struct text challenge,
                             struct buffer *response)
{
    const struct sasl_identity *identity = &client->identity;
    unused(challenge);
    if (client->steps > 1)
        return too_many();
    if (client->steps == 1) {
        /* RFC 7628 3.2.3: it told in detail what is wrong with the token; the failure comes next.
         */
        buffer_append_byte(response, '\1');
        return OK;
    }
    buffer_append(response, text_is_empty(identity->user) ? TEXT("n,") : TEXT("n,a="));
    if (!scram_name_encode(identity->user, response))
        return refused("the user's name can't be sent");
    buffer_printf(response, ",\1host=%.*s\1port=%u\1auth=Bearer ", TEXT_ARG(client->peer.host),
                  client->peer.port);
    buffer_append(response, identity->token);
    buffer_append(response, TEXT("\1\1"));
    client->is_complete = true;
    return OK;
}

enum status sasl_step_xoauth2(struct sasl_client *client, struct text challenge,
                              struct buffer *response)
{
    const struct sasl_identity *identity = &client->identity;
    unused(challenge);
    if (client->steps > 1)
        return too_many();
    if (client->steps == 0) {
        buffer_printf(response, "user=%.*s\1auth=Bearer ", TEXT_ARG(identity->user));
        buffer_append(response, identity->token);
        buffer_append(response, TEXT("\1\1"));
    }
    client->is_complete = true; /* a second challenge tells what is wrong; the answer is empty */
    return OK;
}

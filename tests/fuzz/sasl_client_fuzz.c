/* Challenges of hostile servers, for every mechanism that is ours. Input: a byte for the mechanism,
 * then challenges, a NUL between two. Oracle: no success without proof, no response beyond its
 * limit, and an end after few steps. */
#include "base/check.h"
#include "sasl/client_internal.h"

enum { RESPONSE_MAX = 9000, STEPS_MAX = 6 };

static bool is_ours(enum sasl_mechanism mechanism)
{
    return mechanism != SASL_GSSAPI && mechanism != SASL_GSS_SPNEGO && mechanism != SASL_NTLM;
}

static bool proves(enum sasl_mechanism mechanism)
{
    return mechanism <= SASL_SCRAM_SHA_1;
}

static void talk(enum sasl_mechanism mechanism, struct text challenges)
{
    const struct sasl_identity identity = {.user = TEXT("user"),
                                           .password = TEXT("pencil"),
                                           .token = TEXT("token"),
                                           .has_certificate = true,
                                           .allowed = SASL_ANY_MECHANISM};
    const struct sasl_peer peer = {.service = "smtp",
                                   .host = TEXT("host"),
                                   .is_tls = true,
                                   .binding_type = "tls-exporter",
                                   .binding = TEXT("channel")};
    struct sasl_client *client = sasl_client_new(mechanism, &identity, &peer);
    struct buffer response;
    buffer_init(&response, RESPONSE_MAX);
    buffer_append(&client->nonce, TEXT("fyko+d2lbbFgONRv9qkxdawL"));
    bool speaks_first = (sasl_mechanism_traits(mechanism) & SASL_SPEAKS_FIRST) != 0;
    enum status status = OK;
    if (speaks_first)
        status = sasl_client_step(client, TEXT(""), &response);
    check(status == OK);
    struct text challenge;
    unsigned steps = 0;
    while (status == OK && text_split(&challenges, '\0', &challenge)) {
        buffer_reset(&response, RESPONSE_MAX);
        status = sasl_client_step(client, challenge, &response);
        check(status != OK || !response.overflowed);
        check(++steps <= STEPS_MAX);
        /* The right signature can't be guessed. */
        check(!proves(mechanism) || sasl_client_succeed(client) != OK);
    }
    buffer_forget(&response);
    sasl_client_free(&client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum sasl_mechanism mechanism = data[0] % SASL_MECHANISMS;
    if (is_ours(mechanism))
        talk(mechanism, text_of((const char *)data + 1, size - 1));
    return 0;
}

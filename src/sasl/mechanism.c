#include "sasl/mechanism.h"

#include "base/check.h"

#define WITH_PASSWORD (SASL_NEEDS_USER | SASL_NEEDS_PASSWORD)
#define BY_SCRAM (WITH_PASSWORD | SASL_SPEAKS_FIRST | SASL_BLOCKS)

const char *const sasl_mechanism_names[SASL_MECHANISMS + 1] = {
    [SASL_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
    [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [SASL_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
    [SASL_SCRAM_SHA_1] = "SCRAM-SHA-1",
    [SASL_GSSAPI] = "GSSAPI",
    [SASL_GSS_SPNEGO] = "GSS-SPNEGO",
    [SASL_NTLM] = "NTLM",
    [SASL_OAUTHBEARER] = "OAUTHBEARER",
    [SASL_XOAUTH2] = "XOAUTH2",
    [SASL_CRAM_MD5] = "CRAM-MD5",
    [SASL_EXTERNAL] = "EXTERNAL",
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN",
};

static const unsigned traits[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_256_PLUS] = BY_SCRAM | SASL_NEEDS_BINDING,
    [SASL_SCRAM_SHA_256] = BY_SCRAM,
    [SASL_SCRAM_SHA_1_PLUS] = BY_SCRAM | SASL_NEEDS_BINDING,
    [SASL_SCRAM_SHA_1] = BY_SCRAM,
    [SASL_GSSAPI] = SASL_NEEDS_KERBEROS | SASL_SPEAKS_FIRST | SASL_BLOCKS,
    [SASL_GSS_SPNEGO] = SASL_NEEDS_KERBEROS | SASL_SPEAKS_FIRST | SASL_BLOCKS,
    [SASL_NTLM] = WITH_PASSWORD | SASL_NEEDS_NTLM | SASL_SPEAKS_FIRST | SASL_BLOCKS,
    [SASL_OAUTHBEARER] = SASL_NEEDS_TOKEN | SASL_SHOWS_SECRET | SASL_SPEAKS_FIRST,
    [SASL_XOAUTH2] = SASL_NEEDS_USER | SASL_NEEDS_TOKEN | SASL_SHOWS_SECRET | SASL_SPEAKS_FIRST,
    [SASL_CRAM_MD5] = WITH_PASSWORD,
    [SASL_EXTERNAL] = SASL_NEEDS_CERTIFICATE | SASL_SPEAKS_FIRST,
    [SASL_PLAIN] = WITH_PASSWORD | SASL_SHOWS_SECRET | SASL_SPEAKS_FIRST,
    [SASL_LOGIN] = WITH_PASSWORD | SASL_SHOWS_SECRET,
};

uint32_t sasl_mechanisms_of(struct text names)
{
    uint32_t bits = 0;
    struct text word;
    while (text_word(&names, &word))
        for (enum sasl_mechanism i = 0; i < SASL_MECHANISMS; i++)
            if (text_equals_nocase(word, text_from(sasl_mechanism_names[i])))
                bits |= SASL_BIT(i);
    return bits;
}

unsigned sasl_mechanism_traits(enum sasl_mechanism mechanism)
{
    check(mechanism < SASL_MECHANISMS);
    return traits[mechanism];
}

unsigned sasl_identity_meets(const struct sasl_identity *identity)
{
    unsigned met = 0;
    met |= text_is_empty(identity->user) ? 0 : SASL_NEEDS_USER;
    met |= text_is_empty(identity->password) ? 0 : SASL_NEEDS_PASSWORD;
    met |= text_is_empty(identity->token) ? 0 : SASL_NEEDS_TOKEN;
    met |= identity->has_certificate ? SASL_NEEDS_CERTIFICATE : 0;
    if (!text_is_empty(identity->keytab) || !text_is_empty(identity->tickets))
        met |= SASL_NEEDS_KERBEROS;
    return met;
}

bool sasl_identity_suffices(const struct sasl_identity *identity)
{
    const unsigned own = SASL_NEEDS_USER | SASL_NEEDS_PASSWORD | SASL_NEEDS_TOKEN |
                         SASL_NEEDS_KERBEROS | SASL_NEEDS_CERTIFICATE;
    unsigned met = sasl_identity_meets(identity);
    for (enum sasl_mechanism i = 0; i < SASL_MECHANISMS; i++)
        if ((identity->allowed & SASL_BIT(i)) != 0 && (traits[i] & own & ~met) == 0)
            return true;
    return false;
}

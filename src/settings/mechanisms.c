#include "settings/mechanisms.h"

const struct mechanism_row mechanism_rows[MECHANISM_COUNT] = {
    [MECHANISM_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", LOGIN_SCRAM,
                                      MECHANISM_BINDS | MECHANISM_NEEDS_TLS | MECHANISM_STANDARD},
    [MECHANISM_SCRAM_SHA_256] = {"SCRAM-SHA-256", LOGIN_SCRAM, MECHANISM_STANDARD},
    [MECHANISM_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", LOGIN_SCRAM,
                                    MECHANISM_BINDS | MECHANISM_NEEDS_TLS | MECHANISM_STANDARD},
    [MECHANISM_SCRAM_SHA_1] = {"SCRAM-SHA-1", LOGIN_SCRAM, MECHANISM_STANDARD},
    [MECHANISM_GSSAPI] = {"GSSAPI", LOGIN_GSSAPI, 0},
    [MECHANISM_GSS_SPNEGO] = {"GSS-SPNEGO", LOGIN_GSSAPI, 0},
    [MECHANISM_NTLM] = {"NTLM", LOGIN_NTLM, 0},
    [MECHANISM_OAUTHBEARER] = {"OAUTHBEARER", LOGIN_OAUTH,
                               MECHANISM_NEEDS_TLS | MECHANISM_STANDARD},
    [MECHANISM_XOAUTH2] = {"XOAUTH2", LOGIN_OAUTH, MECHANISM_NEEDS_TLS | MECHANISM_STANDARD},
    [MECHANISM_CRAM_MD5] = {"CRAM-MD5", LOGIN_CRAM_MD5, MECHANISM_SERVER_FIRST},
    [MECHANISM_EXTERNAL] = {"EXTERNAL", LOGIN_EXTERNAL,
                            MECHANISM_CERTIFICATE | MECHANISM_NEEDS_TLS | MECHANISM_STANDARD},
    [MECHANISM_PLAIN] = {"PLAIN", LOGIN_PLAIN, MECHANISM_PLAIN_TEXT | MECHANISM_STANDARD},
    [MECHANISM_LOGIN] = {"LOGIN", LOGIN_LOGIN, MECHANISM_PLAIN_TEXT | MECHANISM_STANDARD},
};

const char *const login_words[LOGIN_WORD_COUNT + 1] = {
    [LOGIN_NONE] = "none",         [LOGIN_TLS] = "tls",           [LOGIN_CLEARTEXT] = "cleartext",
    [LOGIN_SCRAM] = "scram",       [LOGIN_GSSAPI] = "gssapi",     [LOGIN_NTLM] = "ntlm",
    [LOGIN_CRAM_MD5] = "cram-md5", [LOGIN_EXTERNAL] = "external", [LOGIN_OAUTH] = "oauth",
    [LOGIN_PLAIN] = "plain",       [LOGIN_LOGIN] = "login",       [LOGIN_WORD_COUNT] = NULL,
};

uint32_t mechanism_set_of(uint32_t words)
{
    uint32_t named = 0, standard = 0;
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        if ((words & UINT32_C(1) << mechanism_rows[i].word) != 0)
            named |= MECHANISM_BIT(i);
        if ((mechanism_rows[i].flags & MECHANISM_STANDARD) != 0)
            standard |= MECHANISM_BIT(i);
    }
    if ((words & UINT32_C(1) << LOGIN_NONE) != 0)
        return 0;
    return named != 0 ? named : standard;
}

enum mechanism mechanism_find(struct text name)
{
    enum mechanism found = 0;
    while (found < MECHANISM_COUNT &&
           !text_equals_nocase(name, text_from(mechanism_rows[found].name)))
        found++;
    return found;
}

void mechanism_write(uint32_t set, struct buffer *out)
{
    const char *space = "";
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        if ((set & MECHANISM_BIT(i)) == 0)
            continue;
        buffer_printf(out, "%s%s", space, mechanism_rows[i].name);
        space = " ";
    }
}

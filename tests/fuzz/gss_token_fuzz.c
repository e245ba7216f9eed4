/* First tokens of GSS logins, and NTLM messages, from strangers. Oracle: a token that is known
 * stays known only at its own length, and a claim is one printable word within its limit. */
#include "base/check.h"
#include "sasl/gss_token.h"

enum { CLAIM_MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text token = text_of((const char *)data, size);
    enum sasl_gss_kind kind, again;
    if (sasl_gss_token_kind(token, &kind)) {
        check(size >= 7);
        bool shorter = sasl_gss_token_kind(text_head(token, size - 1), &again);
        check(!shorter || kind == SASL_GSS_NTLMSSP);
    }
    struct buffer claim;
    buffer_init(&claim, CLAIM_MAX);
    if (sasl_ntlm_claim(token, &claim)) {
        check(!claim.overflowed && claim.length > 0);
        for (size_t i = 0; i < claim.length; i++)
            check(claim.data[i] > ' ' && claim.data[i] < 0x7f);
    }
    struct buffer whole, again_whole;
    buffer_init(&whole, size + 8);
    buffer_init(&again_whole, size + 16);
    if (sasl_ntlm_normalise(token, &whole)) {
        check(whole.length == size || whole.length == size + 8);
        /* What has been made whole stays as it is. */
        check(sasl_ntlm_normalise(buffer_text(&whole), &again_whole));
        check(text_equals(buffer_text(&whole), buffer_text(&again_whole)));
    }
    buffer_finish(&whole);
    buffer_finish(&again_whole);
    buffer_finish(&claim);
    return 0;
}

#include "sasl/scram_message.h"

#include "sasl/scram.h"

/* gs2-header: flag "," [ "a=" saslname ] ",". */
static bool take_header(struct text *rest, struct scram_first *out)
{
    struct text whole = *rest;
    if (text_is_empty(whole))
        return false;
    out->flag = whole.data[0];
    out->binding_name = out->other = TEXT("");
    if (scram_attribute(rest, 'p', &out->binding_name)) {
        if (text_is_empty(out->binding_name))
            return false;
    } else if (text_starts_with(whole, TEXT("n,")) || text_starts_with(whole, TEXT("y,"))) {
        *rest = text_from_position(whole, 2);
    } else {
        return false;
    }
    if (text_starts_with(*rest, TEXT(","))) {
        *rest = text_from_position(*rest, 1);
        return true;
    }
    return scram_attribute(rest, 'a', &out->other) && !text_is_empty(out->other);
}

static bool is_nonce(struct text nonce)
{
    for (size_t i = 0; i < nonce.length; i++)
        if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7e || nonce.data[i] == ',')
            return false;
    return nonce.length > 0 && nonce.length <= SCRAM_NONCE_MAX;
}

bool scram_first_parse(struct text message, struct scram_first *out)
{
    struct text rest = message;
    if (!take_header(&rest, out))
        return false;
    out->bare = rest;
    out->header = text_head(message, message.length - rest.length);
    return scram_attribute(&rest, 'n', &out->name) && !text_is_empty(out->name) &&
           scram_attribute(&rest, 'r', &out->nonce) && is_nonce(out->nonce) &&
           out->header.length <= SCRAM_HEADER_MAX;
}

/* The proof comes last; extensions may stand before it. */
bool scram_final_parse(struct text message, struct scram_final *out)
{
    struct text rest = message;
    size_t last = text_find_last(message, ',');
    struct text tail = text_from_position(message, last + 1);
    out->without_proof = text_head(message, last);
    return scram_attribute(&rest, 'c', &out->binding) && scram_attribute(&rest, 'r', &out->nonce) &&
           scram_attribute(&tail, 'p', &out->proof) &&
           out->binding.length + out->nonce.length + 5 <= out->without_proof.length;
}

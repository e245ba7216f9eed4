/* What clients send in SCRAM, OAUTHBEARER and XOAUTH2 exchanges: the first byte says which. Oracle:
 * the parts lie inside the message and in the order of the grammar, and a prepared name is prepared
 * already. */
#include "base/check.h"
#include "base/encoding.h"
#include "sasl/bearer.h"
#include "sasl/saslprep.h"
#include "sasl/scram.h"
#include "sasl/scram_message.h"

enum { FIRST, FINAL, BEARER, XOAUTH2, NAME, MESSAGES };

static bool is_inside(struct text part, struct text whole)
{
    return part.length == 0 ||
           (part.data >= whole.data && part.data + part.length <= whole.data + whole.length);
}

static void try_first(struct text message)
{
    struct scram_first first;
    if (!scram_first_parse(message, &first))
        return;
    check(first.header.length + first.bare.length == message.length);
    check(first.header.data[first.header.length - 1] == ',');
    check((first.flag == 'p') == (first.binding_name.length > 0));
    check(first.flag == 'p' || first.flag == 'n' || first.flag == 'y');
    check(is_inside(first.name, first.bare) && is_inside(first.nonce, first.bare));
    check(is_inside(first.other, first.header) && first.name.length > 0);
    check(first.nonce.length > 0 && text_find(first.nonce, ',') == first.nonce.length);
}

static void try_final(struct text message)
{
    struct scram_final final;
    if (!scram_final_parse(message, &final))
        return;
    check(is_inside(final.binding, final.without_proof));
    check(is_inside(final.nonce, final.without_proof));
    check(final.without_proof.length + 3 + final.proof.length == message.length);
}

static void try_bearer(struct text message, bool is_old)
{
    struct bearer bearer;
    bool good = is_old ? bearer_parse_xoauth2(message, &bearer) : bearer_parse(message, &bearer);
    if (!good)
        return;
    check(is_inside(bearer.user, message) && is_inside(bearer.token, message));
    check(!is_old || bearer.user.length > 0);
    check(text_find(bearer.token, '\1') == bearer.token.length);
    check(message.length >= 2 && message.data[message.length - 1] == '\1');
}

static void try_name(struct text name)
{
    struct buffer once, twice;
    buffer_init(&once, 1 << 20);
    buffer_init(&twice, 1 << 20);
    if (saslprep(name, &once)) {
        check(utf8_is_valid(buffer_text(&once)));
        /* NFKC may put letters together that are then mapped or mixed anew: it may be refused. */
        if (saslprep(buffer_text(&once), &twice))
            check(text_equals(buffer_text(&once), buffer_text(&twice)));
    }
    buffer_finish(&once);
    buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct text message = text_of(data + 1, size - 1);
    unsigned kind = data[0] % MESSAGES;
    if (kind == FIRST)
        try_first(message);
    else if (kind == FINAL)
        try_final(message);
    else if (kind == BEARER || kind == XOAUTH2)
        try_bearer(message, kind == XOAUTH2);
    else
        try_name(message);
    return 0;
}

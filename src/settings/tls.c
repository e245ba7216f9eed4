/* Types of values: certificates, and what a hop's TLS must be. */
#include "base/check.h"
#include "settings/names.h"
#include "settings/parser.h"
#include "settings/types.h"

enum { PATH_MAX_BYTES = 1000 };

static bool take_path(struct setting_reader *in, struct text *out)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL || word->text.length == 0 || word->text.length > PATH_MAX_BYTES)
        return false;
    in->next++;
    *out = settings_parser_path(in->parser, word->text);
    return true;
}

static bool parse_certificate(struct setting_reader *in, void *value)
{
    struct setting_certificate *pair = value;
    pair->place = in->parser->line;
    pair->place.column = in->words.words[in->next].column;
    bool good = take_path(in, &pair->certificate_file);
    const struct setting_word *word = setting_reader_peek(in);
    good = good && word != NULL && setting_word_is(word, "key");
    in->next += good;
    if (good && take_path(in, &pair->key_file))
        return true;
    return setting_reader_error(in, TEXT("write: certificate FILE key FILE"),
                                good || word == NULL ? "the certificate has no key"
                                                     : "'key' does not follow the certificate");
}

static void write_certificate(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_certificate *pair = value;
    unused(row);
    setting_word_write(pair->certificate_file, false, out);
    buffer_append(out, TEXT(" key "));
    setting_word_write(pair->key_file, false, out);
}

static const struct {
    const char *name;
    unsigned bit;
} means[] = {
    {"none", TLS_MEANS_NONE},     {"offer", TLS_MEANS_OFFER}, {"require", TLS_MEANS_REQUIRE},
    {"verify", TLS_MEANS_VERIFY}, {"dane", TLS_MEANS_DANE},   {"mta-sts", TLS_MEANS_STS},
};
enum { MEANS = sizeof(means) / sizeof(*means) };

static unsigned means_of(const struct setting_word *word)
{
    for (unsigned i = 0; i < MEANS; i++)
        if (setting_word_is(word, means[i].name))
            return means[i].bit;
    return 0;
}

/* One word, or several of those that can be joined: `dane or mta-sts or verify`. */
static bool parse_means(struct setting_reader *in, void *value)
{
    enum { JOINED = TLS_MEANS_VERIFY | TLS_MEANS_DANE | TLS_MEANS_STS };
    unsigned *set = value;
    const struct setting_word *word;
    do {
        word = setting_reader_peek(in);
        unsigned bit = word == NULL ? 0 : means_of(word);
        struct text shown = word == NULL ? TEXT("") : setting_shown(word->text);
        in->next += word != NULL;
        if (bit == 0)
            return setting_reader_error(
                in, TEXT("write none, offer or require, or some of verify, dane and mta-sts"),
                "'%.*s' is no value of %s", TEXT_ARG(shown), setting_reader_where(in));
        if (*set != 0 && ((*set | bit) & ~(unsigned)JOINED) != 0)
            return setting_reader_error(in, TEXT("only verify, dane and mta-sts can be joined"),
                                        "'%.*s' stands alone", TEXT_ARG(shown));
        *set |= bit;
        word = setting_reader_peek(in);
    } while (word != NULL && setting_word_is(word, "or") && ++in->next > 0);
    return true;
}

static void write_means(const struct setting_row *row, const void *value, struct buffer *out)
{
    unsigned set = *(const unsigned *)value;
    unused(row);
    const char *between = "";
    for (unsigned i = 0; i < MEANS; i++) {
        if ((set & means[i].bit) == 0)
            continue;
        buffer_printf(out, "%s%s", between, means[i].name);
        between = " or ";
    }
}

static bool parse_proxy(struct setting_reader *in, void *value)
{
    struct net_address *address = value;
    struct text word = in->words.words[in->next++].text, shown = setting_shown(word);
    if (net_address_parse_endpoint(word, 0, address) && address->any.sa_family != AF_UNIX &&
        !net_address_is_any(address) && net_address_port(address) != 0)
        return true;
    *address = (struct net_address){0};
    return setting_reader_error(in, TEXT("write an address and a port like 192.0.2.1:3128"),
                                "'%.*s' is no value of %s", TEXT_ARG(shown),
                                setting_reader_where(in));
}

static void write_proxy(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct net_address *address = value;
    char text[NET_ADDRESS_TEXT_BYTES];
    unused(row);
    if (address->length > 0)
        setting_word_write(text_from(net_address_text(address, text)), false, out);
}

const struct setting_type setting_type_certificates = {.syntax = "FILE key FILE",
                                                       .size = sizeof(struct setting_certificate),
                                                       .list = true,
                                                       .parse = parse_certificate,
                                                       .write = write_certificate};
const struct setting_type setting_type_means = {.syntax =
                                                    "none | offer | require | MEANS [or MEANS ...]",
                                                .parse = parse_means,
                                                .write = write_means};
const struct setting_type setting_type_proxy = {
    .syntax = "ADDRESS:PORT", .parse = parse_proxy, .write = write_proxy};

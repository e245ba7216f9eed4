#include "sasl/gss.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

struct sasl_gss {
    enum sasl_gss_kind kind;
    bool initiates, is_complete;
    gss_cred_id_t credentials;
    gss_ctx_id_t context;
    gss_name_t target; /* of the side that begins */
    gss_name_t source; /* of the side that accepts, when complete */
    gss_OID mechanism; /* what came out of it; the library's */
};

static const gss_OID_desc oids[] = {
    [SASL_GSS_KERBEROS] = {9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"},
    [SASL_GSS_NEGOTIATE] = {6, (void *)"\x2b\x06\x01\x05\x05\x02"},
    [SASL_GSS_NTLMSSP] = {10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"},
};

/* The library's types know no const, though it changes none of these. */
static gss_OID oid_of(enum sasl_gss_kind kind)
{
    return (gss_OID)&oids[kind];
}

static gss_buffer_desc buffer_of(struct text text)
{
    return (gss_buffer_desc){.length = text.length, .value = (char *)text.data};
}

static bool take(gss_buffer_t from, struct buffer *out)
{
    OM_uint32 minor;
    bool fits = buffer_append(out, text_of(from->value, from->length));
    gss_release_buffer(&minor, from);
    return fits;
}

static void describe(OM_uint32 code, int type, gss_OID mechanism, struct buffer *out)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc words = GSS_C_EMPTY_BUFFER;
    if (gss_display_status(&minor, code, type, mechanism, &more, &words) != GSS_S_COMPLETE)
        return;
    buffer_printf(out, "%s%.*s", out->length == 0 ? "" : ": ", (int)words.length,
                  (const char *)words.value);
    gss_release_buffer(&minor, &words);
}

/* The library's words for what went wrong, as the reason. */
static enum status failed(enum status status, OM_uint32 major, OM_uint32 minor,
                          enum sasl_gss_kind kind)
{
    struct buffer words;
    buffer_init(&words, REASON_BYTES);
    describe(major, GSS_C_GSS_CODE, oid_of(kind), &words);
    if (minor != 0)
        describe(minor, GSS_C_MECH_CODE, oid_of(kind), &words);
    struct text reason = buffer_text(&words);
    status == REFUSED ? refused("%.*s", TEXT_ARG(reason)) : try_later("%.*s", TEXT_ARG(reason));
    buffer_finish(&words);
    return status;
}

static bool library_has(enum sasl_gss_kind kind)
{
    OM_uint32 minor;
    gss_OID_set all = GSS_C_NO_OID_SET;
    int present = 0;
    if (gss_indicate_mechs(&minor, &all) != GSS_S_COMPLETE)
        return false;
    gss_test_oid_set_member(&minor, oid_of(kind), all, &present);
    gss_release_oid_set(&minor, &all);
    return present != 0;
}

bool sasl_gss_has_ntlm(void)
{
    return library_has(SASL_GSS_NTLMSSP);
}

static enum status import_name(struct text text, gss_OID type, enum sasl_gss_kind kind,
                               gss_name_t *out)
{
    OM_uint32 minor;
    gss_buffer_desc bytes = buffer_of(text);
    OM_uint32 major = gss_import_name(&minor, &bytes, type, out);
    return major == GSS_S_COMPLETE ? OK : failed(TRY_LATER, major, minor, kind);
}

static struct sasl_gss *session_new(enum sasl_gss_kind kind, bool initiates)
{
    struct sasl_gss *gss = calloc(1, sizeof(*gss));
    check(gss != NULL);
    gss->kind = kind;
    gss->initiates = initiates;
    return gss;
}

void sasl_gss_free(struct sasl_gss **gss)
{
    OM_uint32 minor;
    struct sasl_gss *freed = *gss;
    *gss = NULL;
    if (freed == NULL)
        return;
    gss_delete_sec_context(&minor, &freed->context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &freed->credentials);
    gss_release_name(&minor, &freed->target);
    gss_release_name(&minor, &freed->source);
    free(freed);
}

/* ---- Credentials ---- */

/* SPNEGO would negotiate whatever the library has; we want Kerberos behind it and nothing else. */
static enum status negotiate_kerberos_alone(struct sasl_gss *gss)
{
    OM_uint32 minor;
    gss_OID_set_desc kerberos = {1, oid_of(SASL_GSS_KERBEROS)};
    OM_uint32 major = gss_set_neg_mechs(&minor, gss->credentials, &kerberos);
    return major == GSS_S_COMPLETE ? OK : failed(TRY_LATER, major, minor, SASL_GSS_NEGOTIATE);
}

/* Tickets got with a keytab are kept in memory, one cache for each principal and keytab, so that
 * the KDC is asked once in their lifetime and nothing is written. */
static enum status kerberos_credentials(const struct sasl_gss_initiator *with, struct sasl_gss *gss)
{
    OM_uint32 minor;
    gss_name_t name = GSS_C_NO_NAME;
    gss_OID_set_desc mechanism = {1, oid_of(with->kind)};
    bool by_keytab = !text_is_empty(with->keytab);
    struct buffer cache, keytab;
    buffer_init(&cache, 8192);
    buffer_init(&keytab, 8192);
    buffer_printf(&keytab, "%.*s%c", TEXT_ARG(with->keytab), 0);
    if (by_keytab)
        buffer_printf(&cache, "MEMORY:%.*s,%.*s%c", TEXT_ARG(with->user), TEXT_ARG(with->keytab),
                      0);
    else
        buffer_printf(&cache, "%.*s%c", TEXT_ARG(with->tickets), 0);
    gss_key_value_element_desc pairs[] = {{"ccache", cache.data}, {"client_keytab", keytab.data}};
    gss_key_value_set_desc store = {by_keytab ? 2 : 1, pairs};
    enum status status = cache.overflowed || keytab.overflowed ? refused("a name is too long") : OK;
    if (status == OK && !text_is_empty(with->user))
        status = import_name(with->user, GSS_C_NT_USER_NAME, SASL_GSS_KERBEROS, &name);
    if (status == OK) {
        OM_uint32 major =
            gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &mechanism, GSS_C_INITIATE,
                                  &store, &gss->credentials, NULL, NULL);
        if (major != GSS_S_COMPLETE)
            status = failed(TRY_LATER, major, minor, SASL_GSS_KERBEROS);
    }
    if (status == OK && with->kind == SASL_GSS_NEGOTIATE)
        status = negotiate_kerberos_alone(gss);
    gss_release_name(&minor, &name);
    buffer_finish(&cache);
    buffer_finish(&keytab);
    return status;
}

static enum status ntlm_credentials(const struct sasl_gss_initiator *with, struct sasl_gss *gss)
{
    OM_uint32 minor;
    gss_name_t name = GSS_C_NO_NAME;
    gss_OID_set_desc ntlm = {1, oid_of(SASL_GSS_NTLMSSP)};
    struct buffer user, password;
    buffer_init(&user, 1024);
    buffer_init(&password, 4096);
    if (!text_is_empty(with->domain))
        buffer_printf(&user, "%.*s\\", TEXT_ARG(with->domain));
    buffer_append(&user, with->user);
    buffer_reserve(&password, with->password.length + 1);
    buffer_append(&password, with->password);
    buffer_append_byte(&password, '\0'); /* the plug-in reads it as a string */
    enum status status =
        user.overflowed || password.overflowed ? refused("a name is too long") : OK;
    if (status == OK)
        status = import_name(buffer_text(&user), GSS_C_NT_USER_NAME, SASL_GSS_NTLMSSP, &name);
    if (status == OK) {
        gss_buffer_desc secret = buffer_of(with->password);
        secret.value = password.data;
        OM_uint32 major =
            gss_acquire_cred_with_password(&minor, name, &secret, GSS_C_INDEFINITE, &ntlm,
                                           GSS_C_INITIATE, &gss->credentials, NULL, NULL);
        if (major != GSS_S_COMPLETE)
            status = failed(TRY_LATER, major, minor, SASL_GSS_NTLMSSP);
    }
    gss_release_name(&minor, &name);
    buffer_finish(&user);
    buffer_forget(&password);
    return status;
}

enum status sasl_gss_initiate(const struct sasl_gss_initiator *with, struct sasl_gss **out)
{
    struct sasl_gss *gss = session_new(with->kind, true);
    struct buffer target;
    buffer_init(&target, 1024);
    buffer_printf(&target, "%s@%.*s", with->service, TEXT_ARG(with->host));
    enum status status = target.overflowed ? refused("the host's name is too long") : OK;
    if (status == OK)
        status =
            import_name(buffer_text(&target), GSS_C_NT_HOSTBASED_SERVICE, with->kind, &gss->target);
    if (status == OK)
        status = with->kind == SASL_GSS_NTLMSSP ? ntlm_credentials(with, gss)
                                                : kerberos_credentials(with, gss);
    buffer_finish(&target);
    if (status == OK)
        *out = gss;
    else
        sasl_gss_free(&gss);
    return status;
}

enum status sasl_gss_accept(const struct sasl_gss_acceptor *with, struct sasl_gss **out)
{
    OM_uint32 minor;
    gss_OID_desc wanted[3];
    gss_OID_set_desc set = {0, wanted};
    bool has_keytab = !text_is_empty(with->keytab);
    struct buffer keytab, cache;
    buffer_init(&keytab, 8192);
    buffer_init(&cache, 8192);
    buffer_printf(&keytab, "%.*s%c", TEXT_ARG(with->keytab), 0);
    buffer_printf(&cache, "%.*s%c", TEXT_ARG(with->replay_cache), 0);
    gss_key_value_element_desc pairs[] = {{"keytab", keytab.data}, {"rcache", cache.data}};
    gss_key_value_set_desc store = {2, pairs};
    if (has_keytab) {
        wanted[set.count++] = oids[SASL_GSS_KERBEROS];
        wanted[set.count++] = oids[SASL_GSS_NEGOTIATE];
    }
    if (with->takes_ntlm)
        wanted[set.count++] = oids[SASL_GSS_NTLMSSP];
    check(set.count > 0 && !keytab.overflowed && !cache.overflowed);
    struct sasl_gss *gss = session_new(SASL_GSS_NEGOTIATE, false);
    OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set,
                                            GSS_C_ACCEPT, has_keytab ? &store : GSS_C_NO_CRED_STORE,
                                            &gss->credentials, NULL, NULL);
    enum status status = OK;
    if (major != GSS_S_COMPLETE)
        status = failed(TRY_LATER, major, minor, has_keytab ? SASL_GSS_KERBEROS : SASL_GSS_NTLMSSP);
    if (status == OK && has_keytab)
        status = negotiate_kerberos_alone(gss);
    buffer_finish(&keytab);
    buffer_finish(&cache);
    if (status == OK)
        *out = gss;
    else
        sasl_gss_free(&gss);
    return status;
}

/* ---- The exchange ---- */

static enum status step_end(struct sasl_gss *gss, OM_uint32 major, OM_uint32 minor)
{
    if (GSS_ERROR(major)) {
        /* What a client lacks may come yet: the KDC, a ticket. What a peer sent stays wrong. */
        bool may_come = gss->initiates && gss->context == GSS_C_NO_CONTEXT;
        return failed(may_come ? TRY_LATER : REFUSED, major, minor, gss->kind);
    }
    gss->is_complete = (major & GSS_S_CONTINUE_NEEDED) == 0;
    return OK;
}

static OM_uint32 initiator_step(struct sasl_gss *gss, gss_buffer_t in, gss_buffer_t out,
                                OM_uint32 *minor)
{
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG, granted = 0;
    gss_buffer_t first_in = gss->context == GSS_C_NO_CONTEXT ? GSS_C_NO_BUFFER : in;
    OM_uint32 major =
        gss_init_sec_context(minor, gss->credentials, &gss->context, gss->target, oid_of(gss->kind),
                             flags, GSS_C_INDEFINITE, GSS_C_NO_CHANNEL_BINDINGS, first_in,
                             &gss->mechanism, out, &granted, NULL);
    /* NTLM has no way to prove the server. */
    bool proves = gss->kind != SASL_GSS_NTLMSSP;
    if (major == GSS_S_COMPLETE && proves && (granted & GSS_C_MUTUAL_FLAG) == 0)
        return GSS_S_BAD_MECH;
    return major;
}

enum status sasl_gss_step(struct sasl_gss *gss, struct text token, struct buffer *out)
{
    OM_uint32 minor = 0, major;
    gss_buffer_desc in = buffer_of(token), answer = GSS_C_EMPTY_BUFFER;
    if (gss->is_complete)
        return refused("the exchange is over already");
    if (gss->initiates)
        major = initiator_step(gss, &in, &answer, &minor);
    else
        major = gss_accept_sec_context(&minor, &gss->context, gss->credentials, &in,
                                       GSS_C_NO_CHANNEL_BINDINGS, &gss->source, &gss->mechanism,
                                       &answer, NULL, NULL, NULL);
    bool fits = take(&answer, out);
    enum status status = step_end(gss, major, minor);
    return status == OK && !fits ? refused("the token is too large") : status;
}

bool sasl_gss_is_complete(const struct sasl_gss *gss)
{
    return gss->is_complete;
}

enum status sasl_gss_wrap(struct sasl_gss *gss, struct text message, struct buffer *out)
{
    OM_uint32 minor;
    gss_buffer_desc in = buffer_of(message), wrapped = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = gss_wrap(&minor, gss->context, 0, GSS_C_QOP_DEFAULT, &in, NULL, &wrapped);
    if (major != GSS_S_COMPLETE)
        return failed(REFUSED, major, minor, gss->kind);
    return take(&wrapped, out) ? OK : refused("the token is too large");
}

enum status sasl_gss_unwrap(struct sasl_gss *gss, struct text token, struct buffer *out)
{
    OM_uint32 minor;
    gss_buffer_desc in = buffer_of(token), message = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = gss_unwrap(&minor, gss->context, &in, &message, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(REFUSED, major, minor, gss->kind);
    return take(&message, out) ? OK : refused("the token is too large");
}

/* ---- Names ---- */

static bool same_oid(gss_OID a, const gss_OID_desc *b)
{
    struct text one = text_of(a->elements, a->length), other = text_of(b->elements, b->length);
    return text_equals(one, other);
}

static bool write_name(gss_name_t name, char out[SASL_GSS_NAME_MAX])
{
    OM_uint32 minor;
    gss_buffer_desc bytes = GSS_C_EMPTY_BUFFER;
    if (name == GSS_C_NO_NAME || gss_display_name(&minor, name, &bytes, NULL) != GSS_S_COMPLETE)
        return false;
    struct text text = text_of(bytes.value, bytes.length);
    if (text.length > 0 && text.data[text.length - 1] == '\0')
        text.length--; /* NTLM's plug-in counts it */
    bool good = text.length > 0 && text_find(text, '\0') == text.length &&
                text_copy(text, out, SASL_GSS_NAME_MAX);
    gss_release_buffer(&minor, &bytes);
    return good;
}

/* For which of our names it came. Not to be asked of NTLM: its plug-in has none, and falls over it.
 */
static bool write_target(struct sasl_gss *gss, char out[SASL_GSS_NAME_MAX])
{
    OM_uint32 minor;
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 major =
        gss_inquire_context(&minor, gss->context, NULL, &target, NULL, NULL, NULL, NULL, NULL);
    bool named = major == GSS_S_COMPLETE && write_name(target, out);
    gss_release_name(&minor, &target);
    return named;
}

enum status sasl_gss_tell_source(struct sasl_gss *gss, struct sasl_gss_source *out)
{
    OM_uint32 minor, flags = 0;
    gss_OID mechanism = GSS_C_NO_OID;
    *out = (struct sasl_gss_source){0};
    OM_uint32 major =
        gss_inquire_context(&minor, gss->context, NULL, NULL, NULL, &mechanism, &flags, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(REFUSED, major, minor, gss->kind);
    /* Behind SPNEGO the context has become the mechanism's own. */
    out->kind =
        same_oid(mechanism, &oids[SASL_GSS_KERBEROS]) ? SASL_GSS_KERBEROS : SASL_GSS_NTLMSSP;
    bool named = write_name(gss->source, out->name);
    /* NTLM's plug-in sets the flag for everybody; nobody is nobody's name with us. */
    if (out->kind == SASL_GSS_KERBEROS)
        named = named && (flags & GSS_C_ANON_FLAG) == 0 && write_target(gss, out->target);
    return named ? OK : refused("the peer does not say who it is");
}

/* ---- Loading ---- */

/* NTLM's plug-in loads OpenSSL's old algorithms when it first needs them: let it, by a login of
 * nobody at ourselves. */
static void rehearse_ntlm(void)
{
    const struct sasl_gss_initiator nobody = {.kind = SASL_GSS_NTLMSSP,
                                              .service = "smtp",
                                              .host = TEXT("localhost"),
                                              .user = TEXT("nobody"),
                                              .password = TEXT("nothing")};
    const struct sasl_gss_acceptor ourselves = {.takes_ntlm = true};
    struct sasl_gss *client = NULL, *server = NULL;
    struct buffer said, answered;
    buffer_init(&said, 64 << 10);
    buffer_init(&answered, 64 << 10);
    bool goes_on =
        sasl_gss_initiate(&nobody, &client) == OK && sasl_gss_accept(&ourselves, &server) == OK;
    while (goes_on) {
        buffer_reset(&said, 64 << 10);
        goes_on =
            !client->is_complete && sasl_gss_step(client, buffer_text(&answered), &said) == OK;
        buffer_reset(&answered, 64 << 10);
        goes_on = goes_on && sasl_gss_step(server, buffer_text(&said), &answered) == OK;
    }
    sasl_gss_free(&client);
    sasl_gss_free(&server);
    buffer_finish(&said);
    buffer_finish(&answered);
}

void sasl_gss_load(void)
{
    for (enum sasl_gss_kind kind = SASL_GSS_KERBEROS; kind <= SASL_GSS_NTLMSSP; kind++) {
        OM_uint32 minor;
        gss_OID_set names = GSS_C_NO_OID_SET;
        if (gss_inquire_names_for_mech(&minor, oid_of(kind), &names) == GSS_S_COMPLETE)
            gss_release_oid_set(&minor, &names);
    }
    if (sasl_gss_has_ntlm())
        rehearse_ntlm();
}

#ifdef MAILROOT_ASAN
const char *__lsan_default_suppressions(void);
/* gss-ntlmssp 1.2.0 never frees the digest that it fetches from OpenSSL for MD4: 6 KB a login. */
const char *__lsan_default_suppressions(void)
{
    return "leak:gssntlmssp.so\n";
}
#endif

/* The GSS library (RFC 2743): Kerberos, SPNEGO, and NTLM where its plug-in (gss-ntlmssp) is
 * installed. One login is a session, of the side that begins or of the side that accepts.
 *
 * Everything but what says otherwise may block, on a KDC, a name server or a file: offload. A
 * session is used by one thread at a time. Reasons of failure are on the thread: fail_reason(). */
#ifndef SASL_GSS_H
#define SASL_GSS_H

#include "base/buffer.h"
#include "base/status.h"

struct sasl_gss;

enum sasl_gss_kind {
    SASL_GSS_KERBEROS,  /* RFC 4121 */
    SASL_GSS_NEGOTIATE, /* RFC 4178 around one of the others */
    SASL_GSS_NTLMSSP,
};

/* Load the library's plug-ins, before a sandbox hides them. */
void sasl_gss_load(void);
/* The plug-in for NTLM is there. Does not block once loaded. */
bool sasl_gss_has_ntlm(void);

/* The side that begins. Borrowed until sasl_gss_initiate returns; "" is what we do not have. */
struct sasl_gss_initiator {
    enum sasl_gss_kind kind;
    const char *service; /* with host: whom we want to talk to, smtp@mx.example.org */
    struct text host;
    struct text user;             /* Kerberos: our principal ("": the keytab's first) */
    struct text domain, password; /* NTLM */
    struct text keytab, tickets;  /* Kerberos: one of them */
};
/* TRY_LATER: no credentials (keytab, cache, plug-in). */
enum status sasl_gss_initiate(const struct sasl_gss_initiator *with, struct sasl_gss **out);

/* The side that accepts. NTLM's users come from the file that the environment names
 * (NTLM_USER_FILE), as the plug-in wants it. */
struct sasl_gss_acceptor {
    struct text keytab;       /* "": no Kerberos */
    struct text replay_cache; /* "file2:/path"; tickets seen already */
    bool takes_ntlm;
};
/* TRY_LATER: the keytab can't be read, or the plug-in is missing. */
enum status sasl_gss_accept(const struct sasl_gss_acceptor *with, struct sasl_gss **out);

/* Accepts NULL. Does not block. */
void sasl_gss_free(struct sasl_gss **gss);

/* Take the other side's token ("" to begin) and append ours, which may be empty, to out. REFUSED:
 * the token is wrong, or the other side is not who it must be. TRY_LATER: no ticket can be had. */
enum status sasl_gss_step(struct sasl_gss *gss, struct text token, struct buffer *out);
/* Both sides know each other. Does not block. */
bool sasl_gss_is_complete(const struct sasl_gss *gss);

/* RFC 4752 3.3: a message protected by the session's key (not encrypted). Sessions of Kerberos
 * only. */
enum status sasl_gss_wrap(struct sasl_gss *gss, struct text message, struct buffer *out);
enum status sasl_gss_unwrap(struct sasl_gss *gss, struct text token, struct buffer *out);

enum { SASL_GSS_NAME_MAX = 512 };
/* Who began, as the side that accepted knows it, and for which of our names it came. */
struct sasl_gss_source {
    enum sasl_gss_kind kind;        /* Kerberos or NTLM, also behind SPNEGO */
    char name[SASL_GSS_NAME_MAX];   /* "alice@EXAMPLE.TEST", "EXAMPLE\alice" */
    char target[SASL_GSS_NAME_MAX]; /* "smtp/mx.example.test@EXAMPLE.TEST"; "" with NTLM */
};
/* REFUSED: nobody (anonymous), or a name that is no text. Of complete sessions. */
enum status sasl_gss_tell_source(struct sasl_gss *gss, struct sasl_gss_source *out);

#endif

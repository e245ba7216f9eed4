/* The settings: one immutable, numbered object made from the administrator's file. Every setting
 * is a row of settings_table.c {name, type, default, bounds, help}; the parser, the check, `config
 * show`, the manual page and completion come from the rows. Sessions keep the version they began
 * with (settings_hold) while a newer one is current. */
#ifndef PROC_SETTINGS_H
#define PROC_SETTINGS_H

#include "base/buffer.h"
#include "base/status.h"
#include "net/address.h"
#include "proc/settings_route.h"

/* What a listener speaks; numbers are stable. The first four are one SMTP server with differing
 * policy. */
enum service {
    SERVICE_SMTP,        /* 25: from strangers; local recipients, relay for the listed */
    SERVICE_SUBMISSION,  /* 587: STARTTLS, login required before MAIL */
    SERVICE_SMTPS,       /* 465: TLS from the first byte, login required before MAIL */
    SERVICE_LMTP,        /* RFC 2033: local recipients only, one reply each */
    SERVICE_POP3,        /* 110 */
    SERVICE_POP3S,       /* 995: TLS from the first byte */
    SERVICE_IMAP,        /* 143 */
    SERVICE_IMAPS,       /* 993: TLS from the first byte */
    SERVICE_ODMR,        /* 366: RFC 2645, log in and be sent the mail that is held for you */
    SERVICE_FETCHED,     /* no listener: SMTP over a connection that we made and had turned round */
    SERVICE_MANAGESIEVE, /* 4190: RFC 5804 */
    SERVICE_LAST = SERVICE_MANAGESIEVE
};

enum tls_policy {
    TLS_NONE,    /* not offered / not tried */
    TLS_OFFER,   /* offered / tried, plain text otherwise */
    TLS_REQUIRE, /* server: before what tls_for says; client: no delivery without */
    TLS_VERIFY,  /* client only: require, and the peer must prove who it is */
};

/* What a server that requires TLS requires it for. */
enum tls_for {
    TLS_FOR_ALL,   /* all but greeting, hello, STARTTLS, NOOP, QUIT */
    TLS_FOR_MAIL,  /* MAIL; and logging in to a mailbox */
    TLS_FOR_LOGIN, /* AUTH and its like */
};
enum tls_client_certificate { TLS_CERTIFICATE_NONE, TLS_CERTIFICATE_ASK, TLS_CERTIFICATE_REQUIRE };

/* What a connector or a policy asks of a hop: bits. The first three stand alone, of the others one
 * that holds is enough. */
enum tls_means {
    TLS_MEANS_NONE = 1,    /* no TLS */
    TLS_MEANS_OFFER = 2,   /* when the peer offers it; more when its domain publishes that */
    TLS_MEANS_REQUIRE = 4, /* TLS with whoever answers */
    TLS_MEANS_VERIFY = 8,  /* a certificate for the host's name, by an authority we know */
    TLS_MEANS_DANE = 16,   /* RFC 7672 */
    TLS_MEANS_STS = 32,    /* MTA-STS, RFC 8461 */
};

/* `certificate FILE key FILE`: a chain with the server's own first, and its key; in PEM. */
struct setting_certificate {
    struct text certificate_file, key_file; /* absolute */
};

/* Who may learn from VRFY and EXPN which addresses there are. */
enum verify_policy {
    VERIFY_OFF,
    VERIFY_LOGGED_IN,
    VERIFY_ON,
};

/* Who may start the delivery of mail that waits (RFC 1985), besides the listed networks. */
enum etrn_policy { ETRN_ANY, ETRN_LOGGED_IN, ETRN_NOBODY };

struct setting_listen {
    struct net_address address; /* the host part may be "any" */
    enum service service;
};

/* A virtual server: `server NAME { ... }`. */
struct setting_server {
    struct text name;
    struct setting_place place;
    struct setting_listen *listens;
    unsigned listen_count;
    struct text host;     /* `fully-qualified`; default: settings.host */
    struct text greeting; /* `greeting "..."`: what follows it in the first line of SMTP */
    enum tls_policy tls;
    uint32_t login_words;         /* `login WORD ...`: bits by enum login_word (mechanisms.h) */
    uint32_t mechanisms;          /* what follows from them: MECHANISM_BITs */
    bool login_plain_without_tls; /* `login cleartext`: passwords before TLS; default no */
    bool login_needs_tls;         /* `login tls`, the default: nothing before TLS */
    enum tls_for tls_for;
    bool tls_only_1_3;     /* `tls minimum 1.3` */
    bool tls_strength_256; /* `tls strength 256`: of the ciphers, in bits; else 128 */
    enum tls_client_certificate client_certificate;
    struct text client_authorities_file; /* `tls authorities FILE`: of clients; "" any */
    struct setting_certificate *certificates;
    unsigned certificate_count;         /* its own, or else those of struct settings */
    struct net_network *relay_networks; /* `relay NETWORK ...`: may relay without login */
    unsigned relay_network_count;
    bool relay_logged_in;                 /* default yes */
    struct net_network *refused_networks; /* `refuse NETWORK ...` */
    unsigned refused_network_count;
    struct net_network *proxy_networks; /* `proxy NETWORK ...`: send the PROXY protocol */
    unsigned proxy_network_count;
    struct net_network *xclient_networks; /* `xclient NETWORK ...`: may use XCLIENT */
    unsigned xclient_network_count;
    struct text *peers; /* `peer ACCOUNT ...`: servers of our organisation */
    unsigned peer_count;
    bool needs_hello_name;             /* `hello-name required`: HELO without one gets 501 */
    bool needs_login;                  /* `anonymous no`: MAIL only after a login */
    enum verify_policy verify, expand; /* `verify on`, `expand on`: VRFY and EXPN */
    int64_t tarpit_ms;                 /* `tarpit 5s`: before a 5xx to who is not logged in */
    uint64_t max_append_bytes;         /* `limit append 1GB`: of IMAP */
    uint64_t max_message_bytes;        /* `limit message 35MB`; 0: none */
    uint64_t max_session_bytes;        /* `limit session-size 1GB` of messages; 0: none */
    uint32_t max_messages;             /* `limit messages 100` in one session; 0: none */
    enum etrn_policy etrn;             /* `etrn any|logged-in|nobody [NETWORK ...]` */
    struct net_network *etrn_networks;
    unsigned etrn_network_count;
    uint32_t max_recipients;              /* `limit recipients 1000` */
    uint32_t max_connections;             /* `limit connections 5000` */
    uint32_t max_connections_per_address; /* `limit connections-per-address 200` */
    uint32_t max_errors;                  /* `limit errors 10`: bad commands before 421 */
    uint32_t max_hops;   /* `limit hops 30`: Received fields before a loop is seen */
    int64_t idle_ms;     /* `limit idle 5m` */
    int64_t session_ms;  /* `limit session 2h`: whole session; 0: none */
    int64_t least_by_ms; /* `limit deliver-by 0`: the shortest BY=...;R that is taken; 0: any */
    int64_t max_hold_ms; /* `limit hold 30d`: of FUTURERELEASE; 0: not offered */
    uint32_t without;    /* `without WORD ...`: EXTENSION_BITs (extensions.h) */
    struct text folders; /* `folders DIR`: Pickup, Drop and BadMail are in it; "" none */
};

/* `domain NAME ... { user a b c }`: mail for these names is ours. */
struct setting_domain {
    struct text name; /* lower case, A-label form */
    struct setting_place place;
    struct text *users; /* local parts named in the file (small-site short form) */
    unsigned user_count;
    uint64_t quota_bytes;    /* `quota 5GB`; 0: no limit. Of each user, as what follows */
    uint32_t quota_messages; /* `quota messages 100000`; 0: no limit */
    bool quota_refuses;      /* `quota when-full refuse`: 552 at once, not 452 */
    int64_t pop3_expire_ms;  /* `pop3 expire 60d`; 0: never */
    int64_t pop3_delay_ms;   /* `pop3 login-delay 1m` */
    bool lists_public;       /* `public-folders listed` */
    bool drops;              /* `drop [DIR]`: its mail becomes files, not mailboxes' */
    struct text drop_folder; /* then: where */
    /* `unresolved forward HOST`: who is unknown here is known there; host "": nowhere. */
    struct setting_smart_host unresolved;
    struct text forward; /* then: the name of the connector that leads there */
};

/* How others call the users of a domain of ours: user@REALM, or NAME\\user. */
struct setting_realm {
    struct text name;   /* as written; compared as its kind demands */
    struct text domain; /* one of ours, lower case */
};

/* `policy DOMAIN { ... }`: how mail for some domains is sent. */
struct setting_policy {
    struct text name; /* "partner.example", "*.partner.example", or "*" (written default) */
    struct setting_place place;
    unsigned tls; /* enum tls_means; 0: not said */
};

struct setting_retry {
    int64_t glitch_ms; /* wait after each of the first glitch_count failures to connect */
    uint32_t glitch_count;
    int64_t *after_ms; /* then these, the last one repeated */
    unsigned after_count;
    int64_t delay_notice_ms; /* 0: never */
    int64_t expire_ms;
};

/* Most processes front. */
enum { SETTINGS_FRONTS_MAX = 64 };

struct settings {
    uint64_t version;
    struct text host;           /* `host mx.example.org`: greeting name */
    struct text data_directory; /* `data DIR`, default /var/lib/mailroot */
    struct text run_directory;  /* `run DIR`: control sockets, pid; default /run/mailroot */
    struct text pickup_folder;  /* `pickup DIR`; default <data>/pickup */
    struct text badmail_folder; /* `badmail folder DIR`; default <data>/badmail */
    uint64_t badmail_most;      /* `badmail size 0|SIZE|unlimited` of that folder, in bytes */
    struct setting_certificate *certificates;
    unsigned certificate_count;    /* 0: no TLS but where a server has its own */
    struct text authorities_file;  /* `tls authorities FILE`: of other servers; "" the system's */
    struct text trust_anchor_file; /* `dns trust-anchor FILE`; "" the root's, of the system */
    struct net_address http_proxy; /* `http proxy`; length 0: none */
    struct text postmaster;        /* `postmaster ADDRESS`; default postmaster@first domain */
    uint32_t front_processes;      /* `processes front 2`; 0: one per core */
    bool sandbox_required;         /* `sandbox required|preferred|off` */
    bool sandbox_off;
    enum { LOG_TO_DEBUG, LOG_TO_INFO, LOG_TO_WARNING } log_level;
    struct text oauth_keys_file;  /* `oauth jwks FILE`; "" no logins by token */
    struct text introspection;    /* `oauth introspect URL`; "" tokens are not asked about */
    struct text oauth_client;     /* `oauth client NAME`: who we are there */
    struct text oauth_secret;     /* `oauth secret NAME`: of a file in the secrets directory */
    struct text oauth_issuer;     /* `oauth issuer URL` */
    struct text oauth_audience;   /* `oauth audience WORD` */
    struct text oauth_claim;      /* `oauth claim email` */
    struct text keytab_file;      /* `kerberos keytab FILE`; "" no logins by Kerberos */
    struct setting_realm *realms; /* `kerberos realm REALM domain DOMAIN` */
    unsigned realm_count;
    struct setting_realm *ntlm_names; /* `ntlm name NAME domain DOMAIN` */
    unsigned ntlm_name_count;
    bool forward_srs;            /* `forward srs on|off`: forwarded mail has rewritten senders */
    struct text forward_domain;  /* `forward domain NAME`: in that; "" in the forwarder's own */
    int64_t trace_keep_ms;       /* `trace keep 30d` */
    uint64_t min_free_bytes;     /* `limit free-space 64MB`: below, new mail gets 452 */
    uint64_t max_queue_messages; /* `limit queue 1000000`: above, new mail gets 452 */
    uint32_t max_outbound;       /* `limit outbound-connections`: of the sender, at a time */
    struct text report_copy;     /* `copy of reports to ADDRESS`: of failures; "" none */
    uint32_t lockout_wrong;      /* `login lockout 20`: wrong guesses; 0: nobody is locked out */
    int64_t lockout_within_ms;   /* `login in 15m` */
    int64_t lockout_ms;          /* `login for 15m` */
    struct net_address *dns_servers; /* `dns server ADDRESS ...`; none: /etc/resolv.conf */
    unsigned dns_server_count;
    struct setting_server *servers;
    unsigned server_count;
    struct setting_domain *domains;
    unsigned domain_count;
    struct setting_connector *connectors;
    unsigned connector_count;
    struct setting_policy *policies;
    unsigned policy_count;
    struct setting_connector direct; /* the defaults: for what no connector is for; by MX */
    struct setting_retry retry;
};

/* The files as read (the main one and its includes), before parsing: what the parent sends to
 * the roles, so that all parse the same bytes. */
struct settings_source;

/* Read path and what it includes. REFUSED with file and reason when one can't be read. Blocks. */
enum status settings_read(const char *path, struct settings_source **out);
/* One text as if it stood alone in `file` (an absolute name); for checks and tests. */
enum status settings_source_of(struct text file, struct text bytes, struct settings_source **out);
/* The bytes that settings_source_decode reads back (wire encoding; at most 4 MiB). */
enum status settings_source_encode(const struct settings_source *source, struct buffer *out);
enum status settings_source_decode(struct text bytes, struct settings_source **out);
void settings_source_free(struct settings_source **source);

/* Check everything and build the object, held once. REFUSED: `errors` has every error found, each
 * with file:line:column, the line, a caret, and the remedy; nothing else is made. Warnings also go
 * to `errors`, on OK. */
enum status settings_parse(const struct settings_source *source, uint64_t version,
                           struct buffer *errors, struct settings **out);

/* Share and give back. The object ends with its last holder. */
struct settings *settings_hold(struct settings *settings);
void settings_release(struct settings **settings);

/* The domain record for an (A-label, any case) domain, or NULL. */
const struct setting_domain *settings_domain_find(const struct settings *settings,
                                                  struct text domain);

/* Where a setting of a connector was written, or else the connector. */
struct setting_place settings_connector_place(const struct settings *settings,
                                              const struct setting_connector *connector,
                                              const char *row);
struct setting_place settings_retry_place(const struct settings *settings, const char *row);

/* `config show`: changed settings as statements (all: defaults too; where: with file:line). */
void settings_show(const struct settings *settings, bool all, bool where, struct buffer *out);
/* The page mailroot.conf(5) in mdoc, from the rows. */
void settings_manual(struct buffer *out);
/* `mailroot help BLOCK` ("" for what stands outside blocks). False: there is no such block. */
bool settings_help(struct text block, struct buffer *out);

#endif

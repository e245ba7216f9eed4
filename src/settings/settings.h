/* The settings: one immutable, numbered object made from the administrator's file. Every setting
 * is a row of rows_*.c {name, type, default, bounds, help}; the parser, the check, `config
 * show`, the manual page and completion come from the rows. Sessions keep the version they began
 * with (settings_hold) while a newer one is current. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "net/address.h"
#include "settings/filter.h"
#include "settings/server.h"

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

/* `domain NAME ... { user a b c }`: mail for these names is ours. */
struct setting_domain {
    struct text name; /* lower case, A-label form */
    struct setting_place place;
    struct text *users; /* local parts named in the file (small-site short form) */
    unsigned user_count;
    struct text *templates; /* `address TEMPLATE ...`: of users who have no recipient policy */
    unsigned template_count;
    uint64_t quota_bytes;        /* `quota 5GB`; 0: no limit. Of each user, as what follows */
    uint32_t quota_messages;     /* `quota messages 100000`; 0: no limit */
    bool quota_refuses;          /* `quota when-full refuse`: 552 at once, not 452 */
    int64_t pop3_expire_ms;      /* `pop3 expire 60d`; 0: never */
    int64_t pop3_delay_ms;       /* `pop3 login-delay 1m` */
    uint32_t pop3_body;          /* `pop3 body plain`: 0 both, 1 plain, 2 html */
    bool pop3_fast_sizes;        /* `pop3 sizes fast` */
    uint32_t imap_body;          /* `imap body plain`: as pop3_body */
    bool imap_fast_sizes;        /* `imap sizes fast` */
    bool lists_public;           /* `public-folders listed` */
    bool indexes_words;          /* `search-index on` */
    int64_t keep_deleted_ms;     /* `keep-deleted 14d`; 0: not at all */
    uint64_t keep_deleted_bytes; /* `keep-deleted most 1GB`; 0: no limit */
    struct text language;        /* `language de`: of reports; "": the server's */
    unsigned default_charset;    /* `default-charset koi8-r`: of setting_domain_charset_names */
    bool drops;                  /* `drop [DIR]`: its mail becomes files, not mailboxes' */
    struct text drop_folder;     /* then: where */
    /* `unresolved forward HOST`: who is unknown here is known there; host "": nowhere. */
    struct setting_smart_host unresolved;
    struct text forward; /* then: the name of the connector that leads there */
};

/* How others call the users of a domain of ours: user@REALM, or NAME\\user. */
struct setting_realm {
    struct text name;   /* as written; compared as its kind demands */
    struct text domain; /* one of ours, lower case */
};

/* What is sent to a domain without a person's doing, and may be denied to it. */
enum policy_word {
    POLICY_DELIVERY_REPORTS,     /* that it was delivered, relayed, expanded */
    POLICY_NON_DELIVERY_REPORTS, /* that it was not, or is late */
    POLICY_OUT_OF_OFFICE,
    POLICY_AUTOMATIC_REPLY /* by a script of a user */
};

/* `policy DOMAIN { ... }`: how mail for some domains is sent. */
struct setting_policy {
    struct text name; /* "partner.example", "*.partner.example", or "*" (written default) */
    struct setting_place place;
    unsigned tls;   /* enum tls_means; 0: not said */
    uint32_t allow; /* `allow WORD ...`: bits of enum policy_word */
    uint32_t deny;  /* `deny WORD ...`; what stands in allow counts as not denied */
};

/* `recipients NAME { ... }`: a recipient policy: which addresses users get besides their own. */
struct setting_recipients {
    struct text name;
    struct setting_place place;
    uint32_t priority;      /* the lowest of those that mean a user is his */
    struct text filter;     /* RFC 4515; "": everybody */
    struct text *templates; /* settings/address_template.h; the first makes the primary address */
    unsigned template_count;
};

/* Most processes front. */
enum { SETTINGS_FRONTS_MAX = 64 };

struct settings {
    uint64_t version;
    enum setting_profile profile; /* `profile internet`: of what no server's is for */
    enum setting_role role;       /* `role all`: this server's part */
    struct text host;             /* `host mx.example.org`: greeting name */
    struct text data_directory;   /* `data DIR`, default /var/lib/mailroot */
    struct text queue_directory;  /* `queue DIR`: "store" is in it; default data_directory */
    struct text run_directory;    /* `run DIR`: control sockets, pid; default /run/mailroot */
    struct text pickup_folder;    /* `pickup DIR`; default <data>/pickup */
    struct text badmail_folder;   /* `badmail folder DIR`; default <data>/badmail */
    uint64_t badmail_most;        /* `badmail size 0|SIZE|unlimited` of that folder, in bytes */
    struct setting_certificate *certificates;
    unsigned certificate_count;    /* 0: no TLS but where a server has its own */
    struct text authorities_file;  /* `tls authorities FILE`: of other servers; "" the system's */
    struct text trust_anchor_file; /* `dns trust-anchor FILE`; "" the root's, of the system */
    struct net_address http_proxy; /* `http proxy`; length 0: none */
    struct text postmaster;        /* `postmaster ADDRESS`; default postmaster@first domain */
    uint32_t front_processes;      /* `processes front 2`; 0: one per core */
    uint64_t memory;               /* `memory 256MB`: all roles together; 0: by the machine */
    bool sandbox_required;         /* `sandbox required|preferred|off` */
    bool sandbox_off;
    enum { LOG_TO_DEBUG, LOG_TO_INFO, LOG_TO_WARNING } log_level;
    struct setting_log protolog;  /* `log session FORMAT ...`: of servers that have none */
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
    int64_t sent_keep_ms;        /* `sent keep 7d`; 0: not at all */
    uint64_t min_free_bytes;     /* `limit free-space 64MB`: below, new mail gets 452 */
    uint64_t max_queue_messages; /* `limit queue 1000000`: above, new mail gets 452 */
    uint64_t max_sent_bytes;     /* `limit send-size 0`: of a message by a user; 0: none */
    uint64_t max_received_bytes; /* `limit receive-size 0`: of one for a user; 0: none */
    uint32_t max_addressed;      /* `limit addressed 5000`: recipients of a user's message */
    uint32_t max_outbound;       /* `limit outbound-connections`: of the sender, at a time */
    unsigned default_charset;    /* `default-charset koi8-r`: of setting_charset_names */
    struct text report_copy;     /* `copy of reports to ADDRESS`: of failures; "" none */
    struct text report_texts_folder; /* `reports texts DIR`; "": what is shipped alone */
    struct text report_language;     /* `reports language de` */
    bool reports_are_bilingual;      /* `reports bilingual on`: once more in English */
    uint64_t report_original_bytes;  /* `reports original 256KB`: larger ones as header alone */
    uint32_t report_limit;           /* `reports limit 200`: to one address; 0: none */
    int64_t report_limit_ms;         /* `reports within 1h` */
    uint32_t lockout_wrong;    /* `login lockout 20`: wrong guesses; 0: nobody is locked out */
    int64_t lockout_within_ms; /* `login in 15m` */
    int64_t lockout_ms;        /* `login for 15m` */
    struct net_address *dns_servers; /* `dns server ADDRESS ...`; none: /etc/resolv.conf */
    unsigned dns_server_count;
    struct setting_server *servers;
    unsigned server_count;
    struct setting_domain *domains;
    unsigned domain_count;
    struct setting_connector *connectors;
    unsigned connector_count;
    struct setting_group *groups; /* one, or none: the routing group that we are in */
    unsigned group_count;
    struct setting_policy *policies;
    unsigned policy_count;
    struct setting_recipients *recipients;
    unsigned recipients_count;
    struct setting_policy unnamed;   /* the defaults: for domains that no policy is for */
    struct setting_connector direct; /* the defaults: for what no connector is for; by MX */
    struct setting_retry retry;
    struct setting_filter filter;
    struct setting_block_list *block_lists;
    unsigned block_list_count;
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

/* The server of this name, or NULL. */
const struct setting_server *settings_server_find(const struct settings *settings,
                                                  struct text name);
/* The connector of this name, in any case, or NULL. */
const struct setting_connector *settings_connector_find(const struct settings *settings,
                                                        struct text name);
/* The domain record for an (A-label, any case) domain, or NULL. */
const struct setting_domain *settings_domain_find(const struct settings *settings,
                                                  struct text domain);

/* Where a setting of a connector was written, or else the connector. */
struct setting_place settings_connector_place(const struct settings *settings,
                                              const struct setting_connector *connector,
                                              const char *row);
/* Our routing group, or NULL. */
const struct setting_group *settings_group(const struct settings *settings);
/* The connector by which another member takes mail, or link states; its name can be no other's. */
struct text settings_member_hop(const char *kind, struct text member, struct arena *arena);
/* Where a row of these retry intervals, a server's or those of the retry block, was written: of a
 * server's what is not written there is of the block. */
struct setting_place settings_retry_place(const struct settings *settings,
                                          const struct setting_retry *retry, const char *row);
bool setting_retry_equals(const struct setting_retry *a, const struct setting_retry *b);
struct setting_place settings_filter_place(const struct settings *settings, const char *row);
/* Where a setting outside of blocks was written; line 0: it is the default. */
struct setting_place settings_top_place(const struct settings *settings, const char *row);

/* `config show`: changed settings as statements (all: defaults too; where: with file:line). */
void settings_show(const struct settings *settings, bool all, bool where, struct buffer *out);
/* The page mailroot.conf(5) in mdoc, from the rows. */
void settings_manual(struct buffer *out);
/* `mailroot help BLOCK` ("" for what stands outside blocks). False: there is no such block. */
bool settings_help(struct text block, struct buffer *out);
/* The words that open a block: "domain, server, ...". */
void settings_blocks(struct buffer *out);

#endif

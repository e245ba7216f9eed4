/* The parts of the settings that say how a virtual server serves. Included by settings.h. */
#ifndef SETTINGS_SERVER_H
#define SETTINGS_SERVER_H

#include "net/address.h"
#include "settings/filter.h"
#include "settings/profile.h"
#include "settings/protolog.h"
#include "settings/route.h"

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
    SERVICE_LINK_STATE,  /* 691: the servers of a routing group tell each other of its links */
    SERVICE_LAST = SERVICE_LINK_STATE
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

/* `certificate FILE key FILE`: a chain with the server's own first, and its key; in PEM. */
struct setting_certificate {
    struct text certificate_file, key_file; /* absolute */
    struct setting_place place;
};

/* Who may learn from VRFY and EXPN which addresses there are. */
enum verify_policy {
    VERIFY_OFF,
    VERIFY_LOGGED_IN,
    VERIFY_ON,
};

/* Whose From is written as the directory has it. */
enum resolve_policy { RESOLVE_NOBODY, RESOLVE_LOGGED_IN, RESOLVE_EVERYONE };

/* Who may start the delivery of mail that waits (RFC 1985), besides the listed networks. */
enum etrn_policy { ETRN_ANY, ETRN_LOGGED_IN, ETRN_NOBODY };

/* Whom a list of peers names. */
struct setting_peer {
    struct net_network network;
    struct text domain; /* instead: "a.example", "*.a.example" (below it), "*a.example" (both) */
};

struct setting_listen {
    struct net_address address; /* the host part may be "any" */
    enum service service;
};

/* `retry { ... }`, and `retry ...` of a server: of the mail that came in by it. */
struct setting_retry {
    int64_t glitch_ms; /* wait after each of the first glitch_count failures to connect */
    uint32_t glitch_count;
    int64_t *after_ms; /* then these, the last one repeated */
    unsigned after_count;
    int64_t delay_notice_ms; /* 0: never */
    int64_t expire_ms;
    int64_t local_notice_ms, local_expire_ms; /* the same of what waits for our own folders */
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
    bool relay_logged_in;              /* default yes */
    struct setting_senders submitters; /* `submit from ...`: of those who log in */
    struct setting_senders relayers;   /* `relay-users from ...`: of these, to other domains */
    bool relay_all_except;             /* `relay all-except NETWORK ...`: all but these may */
    struct setting_peer *refused;      /* `refuse NETWORK|DOMAIN ...` */
    unsigned refused_count;
    struct setting_peer *admitted; /* `admit NETWORK|DOMAIN ...`: nobody else; none: all */
    unsigned admitted_count;
    bool names_peers;                   /* `reverse-lookup on`: in Received */
    struct net_network *proxy_networks; /* `proxy NETWORK ...`: send the PROXY protocol */
    unsigned proxy_network_count;
    struct net_network *xclient_networks; /* `xclient NETWORK ...`: may use XCLIENT */
    unsigned xclient_network_count;
    struct text *peers; /* `peer ACCOUNT ...`: servers of our organisation */
    unsigned peer_count;
    enum setting_profile profile;
    bool needs_hello_name;             /* `hello-name required`: HELO without one gets 501 */
    bool takes_bare_addresses;         /* `bare-addresses taken`: MAIL FROM: user@example.org */
    bool needs_login;                  /* `anonymous no`: MAIL only after a login */
    bool reports_unknown;              /* `unknown-recipients report`: to who is logged in */
    enum resolve_policy resolves;      /* `resolve-senders logged-in` */
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
    uint32_t free_guesses;                /* `limit unknown-recipients 20`; 0: nobody is slowed */
    uint32_t max_errors;                  /* `limit errors 10`: bad commands before 421 */
    uint32_t max_hops;   /* `limit hops 30`: Received fields before a loop is seen */
    int64_t idle_ms;     /* `limit idle 5m` */
    int64_t session_ms;  /* `limit session 2h`: whole session; 0: none */
    int64_t least_by_ms; /* `limit deliver-by 0`: the shortest BY=...;R that is taken; 0: any */
    int64_t max_hold_ms; /* `limit hold 30d`: of FUTURERELEASE; 0: not offered */
    struct setting_filter_use *filters; /* `filter WORD ... [at ADDRESS ...]` */
    unsigned filter_count;
    uint32_t without;           /* `without WORD ...`: EXTENSION_BITs (extensions.h) */
    struct setting_retry retry; /* what is not written as in settings.retry */
    struct setting_log log;     /* `log FORMAT ...` */
    struct text folders;        /* `folders DIR`: Pickup, Drop and BadMail are in it; "" none */
};

#endif

/* Connectors, and the parts of them that say which mail goes by them, and when. Included by
 * settings.h. */
#ifndef SETTINGS_ROUTE_H
#define SETTINGS_ROUTE_H

#include "net/address.h"
#include "settings/client.h"

/* Where a value was written, for reasons and `config show --where`. line 0: it is the default. */
struct setting_place {
    struct text file;
    uint32_t line, column;
};

/* `to PATTERN ... [cost N] [relay]`: an address space. */
struct setting_space {
    struct text pattern; /* "a.example", "*.a.example" (below it), "*a.example" (both), "*" */
    uint32_t cost;       /* 1..100, default 1 */
    bool relays;         /* for these domains everybody may relay */
    struct setting_place place;
};

/* `accept from ...`, `reject from ...`: a set of senders. */
struct setting_senders {
    struct setting_place place; /* line 0: nothing was said */
    bool everyone;              /* all but the names; else the names alone */
    /* "a@example.org"; "*@example.org", all of the domain; "@interns@example.org", the members of
     * that group. */
    struct text *names;
    unsigned name_count;
};

/* `only priority ...`: bits. */
enum setting_urgency { URGENCY_LOW, URGENCY_NORMAL, URGENCY_HIGH };
/* `only messages ...`: system messages are those without a sender. */
enum setting_origin { ORIGIN_ANY, ORIGIN_SYSTEM, ORIGIN_NON_SYSTEM };

struct setting_only {
    uint32_t urgencies;  /* bits by enum setting_urgency; 0: any */
    uint64_t less_bytes; /* only smaller ones; 0: any */
    enum setting_origin origin;
};

/* `schedule [DAYS] [HH:MM-HH:MM] [every TIME] ...`, in local time: when mail is let go. */
struct setting_window {
    uint8_t days;      /* bit 0 is Monday */
    uint16_t from, to; /* minutes of the day; to 1440: its end; to < from: over midnight */
    uint16_t every;    /* minutes: only at from, from + every ...; 0: all the time */
};
enum { SETTING_WINDOWS_MAX = 50, SETTING_DAYS_ALL = 0x7f, SETTING_DAY_MINUTES = 1440 };
struct setting_schedule {
    bool is_set; /* else: always */
    struct setting_window *windows;
    unsigned window_count; /* none: never, but for ETRN and the administrator */
};

/* `to-group GROUP ... [cost N]`: a routing group that the connector's hosts belong to. */
struct setting_group_arrow {
    struct text group;
    uint32_t cost; /* 1..100, default 1 */
    struct setting_place place;
};

/* `member NAME [at HOST[:PORT]] [mail HOST[:PORT]]`: a server of our routing group. */
struct setting_member {
    struct text name;
    struct setting_smart_host at, mail; /* link states and mail; ports 691 and 25 */
};

/* `routing-group NAME { ... }`: servers that reach each other directly. */
struct setting_group {
    struct text name;
    struct setting_place place;
    struct text organisation;       /* what has the same links; others' are none of our business */
    struct text self;               /* `server`: which member we are; default: the host */
    struct setting_member *members; /* with ourselves */
    unsigned member_count;
    struct text master;                   /* default: the first member */
    struct text login_user, login_secret; /* at the members */
    unsigned tls;                         /* enum tls_means */
    bool suppresses;  /* `link-state suppress`: no news of connectors that go down or come up */
    int64_t check_ms; /* how often what we know is compared */
    int64_t retry_ms; /* how often what is down is tried */
};

/* `connector NAME { to ...  smart-host ... | by mx }`: where mail for address spaces goes. */
struct setting_connector {
    struct text name;
    struct setting_place place;
    struct setting_space *spaces;
    unsigned space_count;
    struct setting_group_arrow *arrows;
    unsigned arrow_count;
    struct text *bridgeheads; /* `bridgehead MEMBER ...`: by these it is left; none: by us */
    unsigned bridgehead_count;
    bool is_for_group;    /* `scope group`: for mail of our routing group's servers alone */
    struct text *servers; /* `from SERVER ...`: for mail that came by these; none: for all */
    unsigned server_count;
    struct setting_senders accepted, rejected;
    struct setting_only only;
    struct setting_schedule schedule;
    uint64_t oversize_bytes;          /* `oversize > 10MB send at ...`; 0: none is */
    struct setting_schedule oversize; /* of what is larger */
    struct text note;                 /* for people */
    struct text masquerade; /* our domains' senders appear as of this one; "" they don't */
    struct setting_smart_host *smart_hosts;
    unsigned smart_host_count;                /* 0: by mx */
    bool is_direct_first;                     /* by mx, and to the smart hosts where that fails */
    uint16_t port;                            /* by mx: the port to connect to; default 25 */
    unsigned tls;                             /* enum tls_means */
    unsigned direct_tls;                      /* the same, of direct-first's hosts by mx */
    struct setting_client_login login;        /* `login USER ...`: AUTH as client, to smart hosts */
    enum exps_policy exps;                    /* `x-exps try` */
    struct setting_certificate *certificates; /* `certificate FILE key FILE`: shown in TLS; */
    unsigned certificate_count;               /* 0 or 1 */
    bool says_helo;                           /* `hello helo`: HELO from the start; default EHLO */
    struct text our_host;                     /* `hello as NAME`; "": settings.host */
    struct net_address *dns_servers;          /* `dns ADDRESS ...`; none: those of the settings */
    unsigned dns_server_count;
    uint32_t max_connections;   /* to one next hop at a time; default 20 */
    bool holds;                 /* `hold`: its mail waits until it is asked for */
    struct text *hold_accounts; /* `hold for ACCOUNT ...`: may fetch it by TURN and ATRN */
    unsigned hold_account_count;
    struct setting_request request;
    uint32_t max_messages;   /* `limit messages 100`: over one connection */
    uint32_t max_recipients; /* `limit recipients 100`: of one transaction */
    struct setting_timeouts timeouts;
    uint32_t without; /* `without WORD ...`: EXTENSION_BITs not used towards its hosts */
};

#endif

/* What the settings say of mail that is not wanted: `filter { ... }`, `block-list NAME { ... }`,
 * and which of it a server applies. Included by settings.h. */
#ifndef SETTINGS_FILTER_H
#define SETTINGS_FILTER_H

#include "net/address.h"
#include "settings/route.h"

/* What a server applies: bits of `filter WORD ...`, by the words' order in setting_filter_words. */
enum setting_filters {
    FILTER_CONNECTION = 1, /* the lists of addresses, ours and those of others */
    FILTER_SENDER = 2,
    FILTER_RECIPIENT = 4,
    FILTER_SPF = 8,
    FILTER_SENDER_ID = 16,
};
extern const char *const setting_filter_words[];

/* One part of `filter WORD ... [at ADDRESS ...]` of a server. */
struct setting_filter_use {
    uint32_t filters;
    struct net_address *at; /* its listeners; none: all that take mail from strangers */
    unsigned at_count;
};

/* Whom an address may be of: `user@example.org`, `*@example.org`, `example.org`, `user@*`. */
struct setting_pattern {
    struct text written;
    struct text local_part; /* "": any */
    struct text domain;     /* as setting_space has them; "*": any */
};

/* What becomes of mail from a sender who is filtered. */
enum setting_sender_action {
    SENDER_REFUSE,  /* 554 */
    SENDER_DROP,    /* 421, and the connection ends */
    SENDER_DISCARD, /* taken, and thrown away */
};

/* What becomes of mail that SPF or Sender ID speaks against. */
enum setting_check_action {
    CHECK_ACCEPT,  /* taken, and the outcome stands in the header */
    CHECK_DISCARD, /* taken, and thrown away */
    CHECK_REFUSE,  /* 550 */
};

/* `filter { ... }` */
struct setting_filter {
    struct net_network *accepted; /* `accept NETWORK ...`: no filter is for them */
    unsigned accepted_count;
    struct net_network *denied; /* `deny NETWORK ...` */
    unsigned denied_count;
    struct net_network *relays; /* `relays NETWORK ...`: what is behind them is looked at */
    unsigned relay_count;
    struct setting_pattern *excepted; /* `block-lists except PATTERN ...`: recipients */
    unsigned excepted_count;
    int64_t list_wait_ms;            /* `block-lists wait 5s` */
    struct setting_pattern *senders; /* `sender PATTERN ...` */
    unsigned sender_count;
    bool blank_senders; /* `sender blank`: the null path too */
    enum setting_sender_action sender_action;
    bool archives;              /* `sender archive` */
    struct text archive_folder; /* `archive DIR` */
    struct setting_pattern *recipients;
    unsigned recipient_count;
    /* `spf fail refuse softfail accept ...` */
    enum setting_check_action spf_fail, spf_softfail, spf_permerror;
    bool spf_waits; /* `spf temperror later`: 451 while DNS does not answer */
    /* `sender-id fail accept ...` */
    enum setting_check_action sender_id_fail, sender_id_softfail, sender_id_missing;
    bool sender_id_waits;
};

/* `block-list NAME { ... }`: who is listed there is refused. Asked in the order of the file. */
struct setting_block_list {
    struct text name;
    struct setting_place place;
    struct text zone; /* A-labels */
    uint32_t *codes;  /* `codes 127.0.0.2 ...`: the answers that count, as numbers */
    unsigned code_count;
    uint32_t mask;     /* `codes mask 0.0.0.6`: or an answer with one of these bits; 0: none */
    struct text reply; /* %0 the address, %1 the list's name, %2 its zone */
};

#endif

/* Is mail from a stranger wanted? What the blocks `filter` and `block-list` say of addresses,
 * senders and recipients. Pure; what DNS says of an address comes in as a fact. */
#ifndef DECIDE_FILTER_H
#define DECIDE_FILTER_H

#include "decide/relay.h"
#include "mail/address.h"

/* The bits (enum setting_filters) that the server applies to who connects here. local: the address
 * he connected to; its host may be any of this machine's. */
uint32_t decide_filters(const struct setting_server *server, enum service service,
                        const struct net_address *local);

enum filter_verdict {
    FILTER_UNKNOWN, /* no list of ours has it */
    FILTER_WANTED,  /* no filter is for it */
    FILTER_UNWANTED,
};

struct filter_decision {
    enum filter_verdict verdict;
    struct decision_reason reason; /* of the last two; fact is lent by the settings */
};

/* `accept` and `deny`. */
struct filter_decision decide_filter_address(const struct settings *settings,
                                             const struct net_address *address);
/* NULL: the null path. */
struct filter_decision decide_filter_sender(const struct settings *settings,
                                            const struct mail_address *sender);
struct filter_decision decide_filter_recipient(const struct settings *settings,
                                               const struct mail_address *recipient);
/* `block-lists except`: what lists say is nothing to him. */
bool decide_filter_excepts(const struct settings *settings, const struct mail_address *recipient);

/* What a block list said. */
struct filter_listing {
    struct text list; /* its name in the settings */
    bool is_unknown;  /* it did not answer */
    uint32_t *codes;  /* 127.0.0.2 is 0x7f000002; none: not listed */
    unsigned code_count;
};
/* What an answer means. */
enum filter_code {
    FILTER_CODE_COUNTS,
    FILTER_CODE_OTHER,     /* one that the settings do not name */
    FILTER_CODE_NO_ANSWER, /* 127.255.255.x: the list does not answer us */
    FILTER_CODE_FOREIGN,   /* not in 127.0.0.0/8 (RFC 5782 2.1): the zone is none of a list */
};
enum filter_code decide_filter_code(const struct setting_block_list *list, uint32_t code);
/* The first list, in the order of the settings, by which the address is blocked, and by which of
 * its answers; NULL: none. */
const struct setting_block_list *decide_filter_listed(const struct settings *settings,
                                                      const struct filter_listing *listings,
                                                      unsigned count, uint32_t *code);
/* What its `reply` says to that address. */
void decide_filter_reply(const struct setting_block_list *list, struct text address,
                         struct buffer *out);

/* Who gave a message to our own relays: `path` are the addresses that it came by, the last hop
 * first, beginning with the peer. NULL: it was none but them. */
const struct net_address *decide_filter_origin(const struct settings *settings,
                                               const struct net_address *path, unsigned count);

#endif

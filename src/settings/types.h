/* The types of values, for the rows. */
#ifndef SETTINGS_TYPES_H
#define SETTINGS_TYPES_H

#include "settings/table.h"

extern const struct setting_type setting_type_host;      /* a host or domain name: A-labels */
extern const struct setting_type setting_type_path;      /* made absolute */
extern const struct setting_type setting_type_address;   /* local@domain */
extern const struct setting_type setting_type_accounts;  /* addresses of users */
extern const struct setting_type setting_type_login;     /* a user name elsewhere */
extern const struct setting_type setting_type_word;      /* ASCII: a URL, a name elsewhere */
extern const struct setting_type setting_type_url;       /* https://host[:port]/path */
extern const struct setting_type setting_type_secret;    /* a file name without directory */
extern const struct setting_type setting_type_realms;    /* names of domains elsewhere */
extern const struct setting_type setting_type_templates; /* of addresses */
extern const struct setting_type setting_type_filter;    /* RFC 4515 */
extern const struct setting_type setting_type_users;     /* local parts */
extern const struct setting_type setting_type_spaces;    /* address spaces of a connector */
extern const struct setting_type setting_type_count;     /* uint32_t */
extern const struct setting_type setting_type_repeat;    /* uint32_t, written x3 */
extern const struct setting_type setting_type_port;      /* uint16_t */
extern const struct setting_type setting_type_size;      /* uint64_t, 25MB */
extern const struct setting_type setting_type_cap;       /* the same, or unlimited: UINT64_MAX */
extern const struct setting_type setting_type_time;      /* int64_t milliseconds, 10m */
extern const struct setting_type setting_type_times;     /* a list of these */
extern const struct setting_type setting_type_choice;    /* an index: bool or enum */
extern const struct setting_type setting_type_charset;   /* unsigned: an index of charsets.h */
extern const struct setting_type setting_type_words;     /* uint32_t: bit per word of choices */
extern const struct setting_type setting_type_phrase;    /* words for people, in quotes */
extern const struct setting_type setting_type_sandbox;   /* two members of struct settings */
extern const struct setting_type setting_type_resolvers; /* addresses, port 53 */
extern const struct setting_type setting_type_networks;
extern const struct setting_type setting_type_peers; /* networks and hosts by name */
extern const struct setting_type setting_type_listens;
extern const struct setting_type setting_type_relay; /* several members of struct setting_server */
extern const struct setting_type setting_type_etrn;  /* the same */
extern const struct setting_type setting_type_hold;  /* of struct setting_connector */
extern const struct setting_type setting_type_nodes; /* of ETRN */
extern const struct setting_type setting_type_drop;  /* of struct setting_domain */
extern const struct setting_type setting_type_atrn;  /* of struct setting_connector */
extern const struct setting_type setting_type_smart_host;
extern const struct setting_type setting_type_by; /* "mx" */
extern const struct setting_type setting_type_smart_hosts;
extern const struct setting_type setting_type_certificates; /* FILE key FILE */
extern const struct setting_type setting_type_means;        /* unsigned, enum tls_means */
extern const struct setting_type setting_type_proxy;        /* an address with its port */

extern const struct setting_type setting_type_patterns;    /* struct setting_pattern */
extern const struct setting_type setting_type_codes;       /* uint32_t: answers of block lists */
extern const struct setting_type setting_type_mask;        /* the same, one */
extern const struct setting_type setting_type_filter_uses; /* struct setting_filter_use */

extern const struct setting_type setting_type_flag; /* bool, by standing there */
extern const struct setting_type setting_type_senders;
extern const struct setting_type setting_type_names;      /* of servers */
extern const struct setting_type setting_type_below;      /* uint64_t, `< 20MB` */
extern const struct setting_type setting_type_schedule;   /* struct setting_schedule */
extern const struct setting_type setting_type_oversize;   /* of struct setting_connector */
extern const struct setting_type setting_type_unresolved; /* struct setting_smart_host */
extern const struct setting_type setting_type_copy;       /* an address */
extern const struct setting_type setting_type_name;       /* of what has one here */
extern const struct setting_type setting_type_members;    /* of a routing group */
extern const struct setting_type setting_type_hosts;      /* names of members */
extern const struct setting_type setting_type_log;        /* struct setting_log_form */
extern const struct setting_type setting_type_arrows;     /* to routing groups */

#endif

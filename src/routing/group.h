/* One routing group as its master describes it: servers that reach each other directly, and the
 * connectors by which mail leaves them. What is said of a group is one block of text in one
 * canonical form, so that two servers that know the same have the same bytes and the same digest:
 *
 *     ( GROUP MASTER major minor user DIGEST {n}address {n}address {n}address
 *       ( MEMBER YES|NO 1 0 {n}name ... )
 *       ( CONNECTOR ( CONFIG {n}SMTP {n}_CONNECTOR_S {n}hosts {n}name words lists
 *           ARROWS ( {n}SMTP {n}pattern cost {n}RG {n}GROUP cost ... )
 *           BH ( MEMBER state {n}name ... ) TARGBH ( {n}host ... ) STATE UP|DOWN ) ... ) )
 *
 * with one space where parts meet, numbers in hexadecimal, and {n} before n bytes. The order of the
 * parts is what Microsoft published of its routing engine's dump; what the words between them say
 * is ours. An id in capitals is the MD5 of a name, so that no directory has to hand them out. */
#ifndef ROUTING_GROUP_H
#define ROUTING_GROUP_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "settings/route.h"

enum {
    LINK_ID_BYTES = 32, /* hexadecimal */
    LINK_MEMBERS_MAX = 256,
    LINK_CONNECTORS_MAX = 1000,
    LINK_LIST_MAX = 1000, /* spaces, names, bridgeheads of one connector */
    LINK_TEXT_MAX = 400,  /* a counted text */
    LINK_TABLE_MAX = 1 << 20,
};
struct link_id {
    char hex[LINK_ID_BYTES + 1];
};
/* kind: "group", "member", "connector", "organisation"; names are compared without case. */
struct link_id link_id_of(const char *kind, struct text name);
/* The MD5 of bytes. */
struct link_id link_digest(struct text bytes);
struct text link_id_text(const struct link_id *id);
bool link_id_equals(const struct link_id *a, const struct link_id *b);

/* The higher wins, major first. Only the group's master counts them up: major when the group or its
 * connectors change, minor when one of them goes down or comes up, user when members come and go.
 */
struct link_version {
    uint32_t major, minor, user;
};
int link_version_compare(const struct link_version *a, const struct link_version *b);

struct link_member {
    struct text name;
    bool is_connected; /* the master hears of it */
};

enum link_reach { LINK_AVAILABLE, LINK_NOT_AVAILABLE, LINK_NOT_STARTED, LINK_REACHES };
struct link_bridgehead {
    struct text member;
    enum link_reach reach;
};
struct link_arrow {
    struct link_id group;
    uint32_t cost; /* 1..100 */
};
struct link_connector {
    /* Name, spaces, accepted, rejected, only; nothing else of it is known here. */
    struct setting_connector facts;
    struct text hosts; /* for people: where it leads */
    bool is_for_group; /* `scope group`: no business of other groups */
    bool is_by_mx;     /* cannot be down */
    bool has_schedule;
    struct link_arrow *arrows; /* groups it leads to */
    unsigned arrow_count;
    struct link_bridgehead *bridgeheads; /* members of this group that serve it */
    unsigned bridgehead_count;
    struct text *targets; /* hosts of the other group */
    unsigned target_count;
    bool is_up;
};

struct link_group {
    struct arena arena; /* of all that follows */
    struct text name, organisation, master;
    struct link_version version;
    struct link_member *members;
    unsigned member_count;
    struct link_connector *connectors;
    unsigned connector_count;
    /* Set by link_group_seal. */
    struct link_id id, digest;
    struct text block;
};

/* Names are copied. Not sealed. */
struct link_group *link_group_new(struct text name, struct text organisation);
/* Accepts NULL. */
void link_group_free(struct link_group **group);

/* Add to a group that is not sealed; the result is zeroed but for what is given, and lent until the
 * next of its kind is added. NULL: there are too many. Texts are copied. */
struct link_member *link_add_member(struct link_group *group, struct text name);
struct link_connector *link_add_connector(struct link_group *group, struct text name);
struct setting_space *link_add_space(struct link_group *group, struct link_connector *connector,
                                     struct text pattern, uint32_t cost);
struct link_arrow *link_add_arrow(struct link_group *group, struct link_connector *connector,
                                  const struct link_id *to, uint32_t cost);
struct link_bridgehead *link_add_bridgehead(struct link_group *group,
                                            struct link_connector *connector, struct text member);
bool link_add_target(struct link_group *group, struct link_connector *connector, struct text host);
bool link_add_sender(struct link_group *group, struct setting_senders *senders, struct text name);

/* Sort it, write its block and take the digest. False: it is too large to be told. */
bool link_group_seal(struct link_group *group);
/* Read one block off *rest, and seal it. REFUSED with the reason: it is malformed, not in canonical
 * form, or its ids and digest do not fit what they are of. */
enum status link_group_parse(struct text *rest, struct link_group **out);

struct link_member *link_member_find(const struct link_group *group, struct text name);
struct link_connector *link_connector_find(const struct link_group *group, struct text name);
struct link_bridgehead *link_bridgehead_find(const struct link_connector *connector,
                                             struct text member);
/* Some bridgehead can be used, or it is of a kind that is always up. */
bool link_connector_works(const struct link_connector *connector);
/* "CONN_AVAIL" ... */
extern const char *const link_reach_words[LINK_REACHES];

#endif

/* What is known of the names that a registrar looks after, kept where it outlives the servers'
 * process: for each what it may be now. What was answered leaves one of these, what was not adds
 * one. */
#ifndef TESTS_SIM_ROLL_H
#define TESTS_SIM_ROLL_H

#include <stdbool.h>
#include <stdint.h>

enum { ROLL_KINDS = 3, ROLL_OF_KIND = 4, ROLL_NAMES = ROLL_KINDS * ROLL_OF_KIND };

/* The kind of a name by its number. */
enum roll_kind { ROLL_USER, ROLL_ALIAS, ROLL_GROUP };

/* What a name may be: a user with one of the passwords, an alias of one of the targets, a group
 * with one of them. */
enum { ROLL_ABSENT, ROLL_FIRST, ROLL_WAYS = 4 };

struct roll_name {
    uint8_t ways;           /* bits: what it may be */
    bool is_slowed;         /* by a wrong password: what is right may be refused */
    bool is_open;           /* a change was not answered: it may come to light after a start */
    int64_t rests_until_ms; /* and may still be under way until then */
};

struct roll {
    struct roll_name names[ROLL_NAMES];
    uint32_t changed, looked; /* how often that was answered */
};

struct ledger;
/* Nothing is there. */
void roll_begin(struct roll *roll);
/* It is about to become this. */
void roll_try(struct roll_name *name, unsigned way);
/* That was answered: it has. */
void roll_done(struct roll_name *name, unsigned way);
/* That was not, at this time. */
void roll_unanswered(struct roll_name *name, int64_t now_ms);
/* It is seen to be one of these ways. False: it can't be. */
bool roll_seen(struct roll_name *name, unsigned ways);
/* The only way it can be; ROLL_WAYS: there are several. */
unsigned roll_way(const struct roll_name *name);

#endif

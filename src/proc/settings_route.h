/* The parts of a connector that say which mail goes by it, and when. Included by settings.h. */
#ifndef PROC_SETTINGS_ROUTE_H
#define PROC_SETTINGS_ROUTE_H

#include "base/text.h"

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

#endif

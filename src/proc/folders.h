/* The folders that the settings name: the parent makes them, the store reads and writes them. */
#ifndef PROC_FOLDERS_H
#define PROC_FOLDERS_H

#include "base/arena.h"
#include "settings/settings.h"

enum folder_kind {
    FOLDER_PICKUP_PUBLIC, /* every user of this machine may put mail in, and sees no other's */
    FOLDER_PICKUP,
    FOLDER_DROP,
    FOLDER_BADMAIL,
    FOLDER_FILTER, /* the archive of filtered mail */
    FOLDER_LOG,    /* of protocol logs */
};
enum { FOLDERS_MAX = 1000 };

struct folder_place {
    enum folder_kind kind;
    struct text path;   /* with a NUL behind it */
    struct text server; /* whose limits hold for what is picked up */
    unsigned mode;      /* of the directory when it is made */
};

/* All of them, each path once, in arena; at most FOLDERS_MAX. */
unsigned folders_list(const struct settings *settings, struct arena *arena,
                      struct folder_place **out);

#endif

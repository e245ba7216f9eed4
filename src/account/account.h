/* What the answers about accounts rest on. Users are named by their canonical address; the site's
 * own folders have an owner that is no address. */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "settings/settings.h"
#include "store/store.h"

struct accounts {
    struct store *store;
    const struct settings *settings; /* current; NULL: there are no defaults of domains */
};

/* The owner of the public folders. */
#define ACCOUNT_PUBLIC TEXT("public")

#endif

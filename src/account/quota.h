/* How much an owner may keep (RFC 9208: STORAGE and MESSAGE), over all of his mailboxes together.
 * What is kept is counted by the store with every change. */
#ifndef ACCOUNT_QUOTA_H
#define ACCOUNT_QUOTA_H

#include "account/account.h"
#include "store/mailbox.h"

struct quota {
    uint64_t bytes_limit, messages_limit; /* 0: none */
    struct owner_totals used;
};

struct quota quota_of(const struct accounts *accounts, struct text owner);
/* Has he any limit? */
bool quota_limits(const struct accounts *accounts, struct text owner);
/* The value of an owner that has this name (store/value.h) is one of the limits. */
bool quota_is_set_by(struct text value_name);
/* May so much more come to an owner? OK, or REFUSED with the reason. When a limit comes near by it,
 * the log says so. */
enum status quota_admit(const struct accounts *accounts, struct text owner, uint64_t messages,
                        uint64_t bytes);
/* By `quota when-full` of the domain: mail is refused for good, not put off. */
bool quota_refuses(const struct accounts *accounts, struct text owner);

#endif

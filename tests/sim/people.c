#include "people.h"

#include <stdio.h>
#include <strings.h>

#include "base/check.h"
#include "directory/directory.h"
#include "proc/role.h"

/* Of the password; it costs little to verify. */
#define HASH "$1$saltsalt$9xy1btjgzLYfb7hivXtC//"

static void give_password(struct directory *directory, struct arena *arena, unsigned recipient)
{
    char address[LEDGER_ADDRESS_BYTES];
    struct directory_user user;
    ledger_address(recipient, address);
    check(directory_user_find(directory, text_from(address), arena, &user));
    if (text_is_empty(user.hash))
        check(directory_user_set_password(directory, text_from(address), TEXT(HASH)) == OK);
}

void people_group(unsigned site, char out[LEDGER_ADDRESS_BYTES])
{
    snprintf(out, LEDGER_ADDRESS_BYTES, "all@%c.test", 'a' + (int)site);
}

uint16_t people_members(unsigned site)
{
    unsigned own = ((1u << USERS) - 1) << site * USERS;
    unsigned other = 1u << (SITES - 1 - site) * USERS, outside = 1u << SITES * USERS;
    return (uint16_t)(own | other | outside);
}

uint16_t people_meant(const char *address)
{
    char group[LEDGER_ADDRESS_BYTES];
    for (unsigned i = 0; i < SITES; i++) {
        people_group(i, group);
        if (strcasecmp(address, group) == 0)
            return people_members(i);
    }
    unsigned recipient = ledger_recipient(address);
    return recipient < RECIPIENTS ? (uint16_t)(1u << recipient) : 0;
}

static void make_group(struct directory *directory, unsigned site)
{
    char group[LEDGER_ADDRESS_BYTES], addresses[RECIPIENTS][LEDGER_ADDRESS_BYTES];
    struct directory_member members[RECIPIENTS];
    unsigned count = 0;
    people_group(site, group);
    for (unsigned i = 0; i < RECIPIENTS; i++) {
        if ((people_members(site) & 1u << i) == 0)
            continue;
        ledger_address(i, addresses[i]);
        members[count].key = members[count].address = text_from(addresses[i]);
        count++;
    }
    if (directory_list_kind(directory, text_from(group)) == 0)
        check(directory_list_add(directory, LIST_GROUP, text_from(group), members, count) == OK);
}

void people_settle(char site, struct settings *settings, const struct role_disk *disk)
{
    struct arena arena;
    struct directory *directory = NULL;
    struct task_group group;
    unsigned number = (unsigned)(site - 'a');
    task_group_init(&group);
    arena_init(&arena);
    struct text path = role_directory(role_find(ROLE_AUTH), settings, &arena);
    struct directory_options options = {.path = path.data,
                                        .settings = settings,
                                        .group = &group,
                                        .segment_bytes = disk->segment_bytes,
                                        .disk = disk->files};
    check(directory_open(&options, &directory) == OK);
    for (unsigned i = 0; i < USERS; i++)
        give_password(directory, &arena, number * USERS + i);
    make_group(directory, number);
    directory_close(&directory);
    task_group_finish(&group);
    arena_finish(&arena);
}

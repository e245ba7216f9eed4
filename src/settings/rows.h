/* What the files of rows (rows_*.c) write their rows with. */
#ifndef SETTINGS_ROWS_H
#define SETTINGS_ROWS_H

#include <stddef.h>

#include "settings/table.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* For each kind: the row's kind, and where its value goes. */
#define TOP .kind = KIND_TOP
#define DOMAIN .kind = KIND_DOMAIN
#define SERVER .kind = KIND_SERVER
#define CONNECTOR .kind = KIND_CONNECTOR
#define POLICY .kind = KIND_POLICY
#define GROUP .kind = KIND_GROUP
#define RECIPIENTS .kind = KIND_RECIPIENTS
#define RETRY .kind = KIND_RETRY
#define TO(type, member)                                                                           \
    .offset = offsetof(struct type, member), .width = sizeof(((struct type *)NULL)->member)
#define TO_LIST(type, member, count)                                                               \
    .offset = offsetof(struct type, member), .count_offset = offsetof(struct type, count)

#define ROWS_OF(array)                                                                             \
    {                                                                                              \
        array, sizeof(array) / sizeof(*(array))                                                    \
    }

extern const struct setting_rows setting_top_rows, setting_domain_rows, setting_server_rows,
    setting_connector_rows, setting_policy_rows, setting_group_rows, setting_recipients_rows,
    setting_retry_rows, setting_filter_rows, setting_block_list_rows;

#endif

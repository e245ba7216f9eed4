/* What the settings say of a server's protocol log. Included by settings.h and server.h. */
#ifndef SETTINGS_PROTOLOG_H
#define SETTINGS_PROTOLOG_H

#include "base/text.h"

enum protolog_format { PROTOLOG_OFF, PROTOLOG_W3C, PROTOLOG_IIS, PROTOLOG_NCSA };

/* When a new file begins. */
enum protolog_every {
    PROTOLOG_HOURLY,
    PROTOLOG_DAILY,
    PROTOLOG_WEEKLY,
    PROTOLOG_MONTHLY,
    PROTOLOG_UNLIMITED, /* never */
    PROTOLOG_BY_SIZE,
};

/* The fields of a W3C line, in their order there. */
enum protolog_field {
    PROTOLOG_DATE,
    PROTOLOG_TIME,
    PROTOLOG_C_IP,
    PROTOLOG_CS_USERNAME,
    PROTOLOG_S_SITENAME,
    PROTOLOG_S_COMPUTERNAME,
    PROTOLOG_S_IP,
    PROTOLOG_S_PORT,
    PROTOLOG_CS_METHOD,
    PROTOLOG_CS_URI_STEM,
    PROTOLOG_CS_URI_QUERY,
    PROTOLOG_SC_STATUS,
    PROTOLOG_SC_WIN32_STATUS,
    PROTOLOG_SC_BYTES,
    PROTOLOG_CS_BYTES,
    PROTOLOG_TIME_TAKEN,
    PROTOLOG_CS_VERSION,
    PROTOLOG_CS_HOST,
    PROTOLOG_CS_USER_AGENT,
    PROTOLOG_CS_COOKIE,
    PROTOLOG_CS_REFERER,
    PROTOLOG_FIELDS,
    PROTOLOG_ALL_FIELDS = PROTOLOG_FIELDS, /* in the settings: all of them */
};
/* As the settings and the files write them; NULL behind the last. */
extern const char *const protolog_field_names[PROTOLOG_FIELDS + 2];
extern const char *const protolog_zones[];

/* `log w3c weekly`, `log iis 20MB`. */
struct setting_log_form {
    enum protolog_format format;
    enum protolog_every every;
    uint64_t most_bytes; /* of a file, PROTOLOG_BY_SIZE */
};

struct setting_log {
    struct setting_log_form form;
    int64_t keep_ms;       /* `keep 30d`; 0: for ever */
    struct text directory; /* `directory DIR`: the server's own is in it */
    bool is_local;         /* `zone utc|local`: of names, and of the times in the files */
    uint32_t fields;       /* `fields WORD ...` of W3C: bits */
};

#endif

/* The charsets that `default-charset` can name: those with ASCII in its place, for text that is
 * ASCII or UTF-8 is never read as anything else. mail/charset.h reads them. */
#ifndef SETTINGS_CHARSETS_H
#define SETTINGS_CHARSETS_H

extern const char *const setting_charset_names[]; /* the standard first; NULL behind the last */
/* The same behind what stands first: a domain may have none of its own. */
#define SETTING_CHARSET_OF_SERVER "server"
extern const char *const setting_domain_charset_names[];

#endif

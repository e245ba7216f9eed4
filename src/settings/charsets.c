#include "settings/charsets.h"

#include <stddef.h>

#define NAMES                                                                                      \
    "windows-1252", "iso-8859-1", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5",          \
        "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-10", "iso-8859-11",      \
        "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16", "windows-1250",                \
        "windows-1251", "windows-1253", "windows-1254", "windows-1255", "windows-1256",            \
        "windows-1257", "windows-1258", "windows-874", "tis-620", "koi8-r", "koi8-u", "ibm437",    \
        "ibm850", "ibm852", "ibm866", "macintosh", "gb2312", "gbk", "gb18030", "big5",             \
        "big5-hkscs", "euc-jp", "shift_jis", "euc-kr", "ks_c_5601-1987"

const char *const setting_charset_names[] = {NAMES, NULL};
const char *const setting_domain_charset_names[] = {SETTING_CHARSET_OF_SERVER, NAMES, NULL};

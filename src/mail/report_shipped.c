#include "mail/report_shipped.h"

/* In report_shipped_files.S. */
extern const char report_shipped_en[], report_shipped_en_end[];
extern const char report_shipped_de[], report_shipped_de_end[];
extern const char report_shipped_fr[], report_shipped_fr_end[];
extern const char report_shipped_es[], report_shipped_es_end[];
extern const char report_shipped_ja[], report_shipped_ja_end[];

const struct report_shipped report_shipped[REPORT_SHIPPED_COUNT] = {
    {"en.txt", report_shipped_en, report_shipped_en_end},
    {"de.txt", report_shipped_de, report_shipped_de_end},
    {"fr.txt", report_shipped_fr, report_shipped_fr_end},
    {"es.txt", report_shipped_es, report_shipped_es_end},
    {"ja.txt", report_shipped_ja, report_shipped_ja_end},
};

struct text report_shipped_bytes(const struct report_shipped *file)
{
    return text_of(file->begin, (size_t)(file->end - file->begin));
}

#include "proto/smtp/server/smtp_refusal.h"

enum smtp_answer smtp_refusal(struct text reason, enum smtp_answer otherwise, struct text *words)
{
    static const struct {
        const char *status;
        enum smtp_answer answer;
    } rows[] = {{"5.7.1", SMTP_NOT_FROM_YOU},   {"5.2.3", SMTP_LIMITED},
                {"5.5.3", SMTP_MANY_ADDRESSED}, {"5.1.4", SMTP_NOT_ONE},
                {"5.2.4", SMTP_NO_MEMBERS},     {"5.4.6", SMTP_GOES_ROUND}};
    struct text status;
    if (queue_rejection(reason, words))
        return SMTP_REJECTED;
    if (queue_status_reason(reason, &status, words))
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
            if (text_equals(status, text_from(rows[i].status)))
                return rows[i].answer;
    *words = TEXT("");
    return otherwise;
}

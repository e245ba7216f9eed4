/* Dates: what is read and written is read back as the same instant and written as the same text.
 * Any 8 bytes are an instant that can be written. */
#include <string.h>

#include "base/check.h"
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t first, second;
    char once[MAIL_DATE_BYTES], twice[MAIL_DATE_BYTES];
    if (mail_date_parse(text_of(data, size), &first)) {
        check(mail_date_parse(text_from(mail_date(first, once)), &second) && first == second);
        check(strcmp(once, mail_date(second, twice)) == 0);
    }
    if (size == sizeof(first)) {
        memcpy(&first, data, sizeof(first));
        mail_date(first, once);
        if (mail_date_parse(text_from(once), &second))
            check(first - second >= 0 && first - second < 1000);
    }
    return 0;
}

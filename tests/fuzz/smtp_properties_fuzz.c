/* The octets of XEXCH50. Oracle: what is accepted has no more rows than allowed, and each row and
 * property takes at least its own head; a byte more or less is accepted only as a whole row. */
#include <stdlib.h>

#include "base/check.h"
#include "proto/smtp/smtp_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ROWS_MAX = 5, ROW_HEAD = 4, PROPERTY_LEAST = 8 };
    struct smtp_properties seen, shorter;
    if (smtp_properties_check(text_of(data, size), ROWS_MAX, &seen) != OK)
        return 0;
    check(seen.rows <= ROWS_MAX && seen.properties <= seen.rows * SMTP_PROPERTIES_ROW_MAX);
    check(seen.rows * ROW_HEAD + seen.properties * PROPERTY_LEAST <= size);
    check(size % 4 == 0);
    if (size > 0 && smtp_properties_check(text_of(data, size - 4), ROWS_MAX, &shorter) == OK)
        check(shorter.rows + 1 == seen.rows && shorter.properties == seen.properties);
    return 0;
}

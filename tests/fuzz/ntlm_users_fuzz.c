/* Lines of the NTLM users' file. Input: domain, user and password, a NUL between two. Oracle: what
 * was let through is one line, and a reader like the plug-in's gets back what was written. */
#include "base/check.h"
#include "directory/ntlm_users.h"

enum { LINE_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = text_of((const char *)data, size);
    struct text domain = text_before(rest, '\0');
    rest = text_after(rest, '\0');
    struct text user = text_before(rest, '\0');
    struct text password = text_after(rest, '\0');
    if (size > LINE_MAX || ntlm_user_check(user, password) != OK ||
        ntlm_user_check(domain, TEXT("")) != OK)
        return 0;
    struct buffer line;
    buffer_init(&line, LINE_MAX);
    ntlm_user_write(domain, user, password, &line);
    struct text written = buffer_text(&line), one;
    check(!line.overflowed && written.data[0] != '#');
    check(text_split(&written, '\n', &one) && text_is_empty(written));
    check(text_equals(text_before(one, ':'), domain));
    one = text_after(one, ':');
    check(text_equals(text_before(one, ':'), user));
    check(text_equals(text_after(one, ':'), password));
    buffer_finish(&line);
    return 0;
}

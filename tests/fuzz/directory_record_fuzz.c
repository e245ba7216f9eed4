/* Records of the directory's log, as a medium or another version may present them: the first byte
 * is the type. Oracle: what decodes is within its limits and encodes to the very bytes it came
 * from. */
#include "base/check.h"
#include "base/encoding.h"
#include "directory/calls.h"
#include "directory/record.h"
#include "sasl/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct directory_record record;
    if (size == 0 || !directory_record_decode(data[0], text_of(data + 1, size - 1), &record))
        return 0;
    check(record.type == RECORD_SECRET ? record.key.length == 0
                                       : directory_key_is_valid(record.key));
    check(record.hash.length <= DIRECTORY_HASH_MAX && record.name.length <= DIRECTORY_NAME_MAX);
    struct text members = record.members, key, address;
    for (uint32_t i = 0; i < record.member_count; i++) {
        check(directory_record_member(&members, &key, &address));
        check(directory_key_is_valid(key) && utf8_is_valid(address));
    }
    check(members.length == 0);
    struct text keys = record.keys;
    struct login_key login_key;
    for (uint32_t i = 0; i < record.key_count; i++) {
        check(directory_record_key(&keys, &login_key));
        bool is_ntlm = login_key.kind == LOGIN_KEY_NTLM; /* the password itself */
        check(login_key.stored.length <= (is_ntlm ? DIRECTORY_PASSWORD_MAX : SCRAM_HASH_MAX));
        check(login_key.server.length == (is_ntlm ? 0 : login_key.stored.length));
    }
    check(keys.length == 0);
    check(record.network.length <= DIRECTORY_NETWORK_MAX && utf8_is_valid(record.network));
    struct buffer again;
    buffer_init(&again, size + 64);
    directory_record_encode(&record, &again);
    check(text_equals(buffer_text(&again), text_of(data + 1, size - 1)));
    buffer_finish(&again);
    return 0;
}

/* A key set and a token, as an issuer and a stranger may write them: a first byte of 0 is a set,
 * of 1 what an authority says of a token, any other a token, checked by a fixed set. Oracle: a set
 * that parses has keys; no token that libFuzzer can think of is signed, so none may hold; a name is
 * there exactly when something holds. */
#include <string.h>

#include "base/check.h"
#include "sasl/jwt.h"

static const char fixed[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwks *keys;
    struct jwks *parsed;
    char user[320] = "x";
    if (size == 0)
        return 0;
    struct text bytes = text_of(data + 1, size - 1);
    if (data[0] == 0) {
        if (jwks_parse(bytes, &parsed) == OK)
            check(jwks_count(parsed) > 0 && jwks_count(parsed) <= JWKS_KEYS_MAX);
        jwks_free(&parsed);
        return 0;
    }
    const struct jwt_rules rules = {.issuer = TEXT("https://id.test"),
                                    .audience = TEXT("mail"),
                                    .user_claim = TEXT("email"),
                                    .now_s = 1800000000};
    if (data[0] == 1) {
        bool holds = introspection_verify(bytes, &rules, user, sizeof(user)) == OK;
        check(holds == (user[0] != '\0'));
        return 0;
    }
    if (keys == NULL)
        check(jwks_parse(text_from(fixed), &keys) == OK);
    check(jwt_verify(keys, bytes, &rules, user, sizeof(user)) == REFUSED);
    check(user[0] == '\0');
    return 0;
}

#include "net/https.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "task/offload.h"

enum { URL_MAX = 1024, PIN_MAX = 64 * 64, FIELD_MAX = 512, HTTPS_PORT = 443 };

/* A request on its way through a thread of the pool, which touches nothing but this. */
struct fetch {
    const struct https_request *request;
    const struct https_form *form; /* NULL: a GET */
    struct buffer *out;
    char user[FIELD_MAX], password[FIELD_MAX];
    char url[URL_MAX], pin[PIN_MAX], proxy[NET_ADDRESS_TEXT_BYTES], error[CURL_ERROR_SIZE];
    char media_type[100];
    long code;
    bool is_typed, is_too_long;
    CURLcode result;
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    if (buffer_append(fetch->out, text_of(data, size * count)))
        return size * count;
    fetch->is_too_long = true;
    return 0; /* ends the transfer */
}

static unsigned port_of(const struct https_request *request)
{
    return request->port == 0 ? HTTPS_PORT : request->port;
}

/* "host:443:192.0.2.1,2001:db8::1": libcurl asks no resolver of its own. */
static bool pin_addresses(struct fetch *fetch)
{
    const struct https_request *request = fetch->request;
    struct buffer pin;
    buffer_init(&pin, PIN_MAX - 1);
    buffer_printf(&pin, "%.*s:%u:", TEXT_ARG(request->host), port_of(request));
    for (unsigned i = 0; i < request->address_count; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        struct text literal = text_from(net_address_literal(&request->addresses[i], text));
        if (text_starts_with(literal, TEXT("IPv6:")))
            literal = text_from_position(literal, TEXT("IPv6:").length);
        buffer_printf(&pin, "%s%.*s", i == 0 ? "" : ",", TEXT_ARG(literal));
    }
    bool fits = !pin.overflowed && text_copy(buffer_text(&pin), fetch->pin, sizeof(fetch->pin));
    buffer_finish(&pin);
    return fits;
}

static bool set_up(CURL *curl, struct fetch *fetch, struct curl_slist *pinned)
{
    const struct https_request *request = fetch->request;
    struct curl_blob roots = {(void *)(uintptr_t)request->roots_pem.data, request->roots_pem.length,
                              CURL_BLOB_COPY};
    CURLcode worst = CURLE_OK;
#define SET(option, value) worst = worst != CURLE_OK ? worst : curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, fetch->url);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_ERRORBUFFER, fetch->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* RFC 8461 3.3 */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, fetch);
    SET(CURLOPT_USERAGENT, "mailroot");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    /* "" also keeps what the environment says of proxies out. */
    SET(CURLOPT_PROXY, fetch->proxy);
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (pinned != NULL)
        SET(CURLOPT_RESOLVE, pinned);
    if (!text_is_empty(request->roots_pem)) {
        SET(CURLOPT_CAINFO_BLOB, &roots);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (fetch->form != NULL) {
        SET(CURLOPT_POSTFIELDSIZE, (long)fetch->form->fields.length);
        SET(CURLOPT_POSTFIELDS, fetch->form->fields.data);
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        SET(CURLOPT_USERNAME, fetch->user);
        SET(CURLOPT_PASSWORD, fetch->password);
    }
#undef SET
    fetch->result = worst;
    return worst == CURLE_OK;
}

static void note_answer(CURL *curl, struct fetch *fetch)
{
    const char *type = NULL;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetch->code);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    struct text media = text_trim(text_before(text_from(type), ';'));
    fetch->is_typed = text_equals_nocase(media, fetch->request->media_type);
}

static void fetch_offloaded(void *argument)
{
    struct fetch *fetch = argument;
    struct curl_slist *pinned = NULL;
    CURL *curl = curl_easy_init();
    fetch->result = CURLE_FAILED_INIT;
    if (curl == NULL)
        return;
    if (fetch->pin[0] != '\0')
        pinned = curl_slist_append(NULL, fetch->pin);
    if (set_up(curl, fetch, pinned)) {
        fetch->result = curl_easy_perform(curl);
        note_answer(curl, fetch);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(pinned);
}

static enum status judge(const struct fetch *fetch)
{
    if (fetch->is_too_long)
        return try_later("the answer is longer than %zu bytes", fetch->out->limit);
    if (fetch->result != CURLE_OK)
        return try_later("%.200s", fetch->error[0] != '\0' ? fetch->error
                                                           : curl_easy_strerror(fetch->result));
    if (fetch->code != 200)
        return try_later("the answer is %ld, not 200", fetch->code);
    if (!fetch->is_typed)
        return try_later("the answer is not %.*s", TEXT_ARG(fetch->request->media_type));
    return OK;
}

/* YIELDS. */
static enum status perform(const struct https_request *request, const struct https_form *form,
                           struct buffer *out)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    check(fetch != NULL);
    fetch->request = request;
    fetch->form = form;
    fetch->out = out;
    int length = snprintf(fetch->url, sizeof(fetch->url), "https://%.*s:%u%.*s",
                          TEXT_ARG(request->host), port_of(request), TEXT_ARG(request->path));
    bool fits = length > 0 && (size_t)length < sizeof(fetch->url);
    if (request->proxy != NULL)
        net_address_text(request->proxy, fetch->proxy);
    else
        fits = fits && request->address_count > 0 && pin_addresses(fetch);
    if (form != NULL)
        fits = fits && text_copy(form->user, fetch->user, FIELD_MAX) &&
               text_copy(form->password, fetch->password, FIELD_MAX);
    enum status status = try_later("the host's name is too long, or it has no address");
    if (fits) {
        task_offload(fetch_offloaded, fetch);
        status = judge(fetch);
    }
    explicit_bzero(fetch, sizeof(*fetch));
    free(fetch);
    return status;
}

enum status https_get(const struct https_request *request, struct buffer *out)
{
    return perform(request, NULL, out);
}

enum status https_post(const struct https_request *request, const struct https_form *form,
                       struct buffer *out)
{
    return perform(request, form, out);
}

bool https_form_encode(struct text value, struct buffer *out)
{
    static const char plain[] = "-._~";
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        bool is_plain = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') ||
                        (c != '\0' && strchr(plain, c) != NULL);
        if (is_plain)
            buffer_append_byte(out, c);
        else
            buffer_printf(out, "%%%02X", (unsigned char)c);
    }
    return !out->overflowed;
}

#include "queue/wire.h"

static void put_recipient(struct buffer *out, const struct queue_recipient *recipient)
{
    wire_put_text(out, recipient->address);
    wire_put_text(out, recipient->original_recipient);
    wire_put_u8(out, (uint8_t)recipient->notify);
}

static void put_terms(struct buffer *out, const struct mail_terms *terms)
{
    mail_terms_put_head(out, terms);
    wire_put_text(out, terms->envelope_id);
    mail_terms_put_tail(out, terms);
}

void queue_commit_encode_head(const struct queue_commit_request *request, struct buffer *out)
{
    const struct queue_envelope *envelope = &request->envelope;
    wire_put_u64(out, envelope->id);
    wire_put_u64(out, envelope->session);
    wire_put_text(out, envelope->sender);
    put_terms(out, &envelope->terms);
    wire_put_u8(out, (uint8_t)envelope->service);
    wire_put_text(out, envelope->server);
    wire_put_text(out, envelope->peer);
    wire_put_text(out, envelope->helo);
    wire_put_text(out, envelope->login);
    wire_put_text(out, envelope->tls);
    wire_put_text(out, envelope->message_id);
    wire_put_text(out, envelope->subject);
    wire_put_text(out, envelope->checked);
    wire_put_u64(out, envelope->settings_version);
    wire_put_u8(out, envelope->is_unwanted);
    wire_put_u32(out, envelope->recipient_count);
    for (unsigned i = 0; i < envelope->recipient_count; i++)
        put_recipient(out, &envelope->recipients[i]);
    wire_put_u64(out, request->appended);
    wire_put_u32(out, (uint32_t)request->body.length);
}

void queue_commit_encode(const struct queue_commit_request *request, struct buffer *out)
{
    queue_commit_encode_head(request, out);
    buffer_append(out, request->body);
}

static struct text get_fact(struct wire_reader *in)
{
    struct text fact = wire_get_text(in);
    if (fact.length > QUEUE_FACT_MAX)
        in->bad = true;
    return fact;
}

static bool get_bool(struct wire_reader *in)
{
    uint8_t value = wire_get_u8(in);
    if (value > 1)
        in->bad = true;
    return value == 1;
}

static void get_terms(struct wire_reader *in, struct mail_terms *out)
{
    bool has_tail = mail_terms_get_head(in, out);
    out->envelope_id = get_fact(in);
    if (has_tail)
        mail_terms_get_tail(in, out);
}

/* An address: no controls, no spaces around, and short enough for a key. RFC 5321 4.5.3.1.3. */
static struct text get_address(struct wire_reader *in)
{
    struct text address = wire_get_text(in);
    if (address.length > 512)
        in->bad = true;
    for (size_t i = 0; i < address.length && !in->bad; i++)
        if ((unsigned char)address.data[i] < ' ' || address.data[i] == 127)
            in->bad = true;
    return address;
}

static void get_recipients(struct wire_reader *in, struct arena *arena, struct queue_envelope *out)
{
    out->recipient_count = wire_get_u32(in);
    if (in->bad || out->recipient_count == 0 || out->recipient_count > QUEUE_RECIPIENTS_MAX ||
        out->recipient_count > in->rest.length / 9) {
        in->bad = true;
        return;
    }
    out->recipients = arena_array(arena, out->recipient_count, sizeof(*out->recipients));
    for (unsigned i = 0; i < out->recipient_count; i++) {
        struct queue_recipient *recipient = &out->recipients[i];
        recipient->address = get_address(in);
        recipient->original_recipient = get_fact(in);
        recipient->notify = wire_get_u8(in);
        if (text_is_empty(recipient->address) || recipient->notify > 15)
            in->bad = true;
    }
}

bool queue_commit_decode(struct text bytes, struct arena *arena, struct queue_commit_request *out)
{
    *out = (struct queue_commit_request){0};
    struct queue_envelope *envelope = &out->envelope;
    struct wire_reader in = wire_reader_of(bytes);
    envelope->id = wire_get_u64(&in);
    envelope->session = wire_get_u64(&in);
    envelope->sender = get_address(&in);
    get_terms(&in, &envelope->terms);
    uint8_t service = wire_get_u8(&in);
    envelope->service = (enum service)service;
    envelope->server = get_fact(&in);
    envelope->peer = get_fact(&in);
    envelope->helo = get_fact(&in);
    envelope->login = get_fact(&in);
    envelope->tls = get_fact(&in);
    envelope->message_id = get_fact(&in);
    envelope->subject = get_fact(&in);
    envelope->checked = get_fact(&in);
    envelope->settings_version = wire_get_u64(&in);
    uint8_t is_unwanted = wire_get_u8(&in);
    envelope->is_unwanted = is_unwanted == 1;
    get_recipients(&in, arena, envelope);
    out->appended = wire_get_u64(&in);
    out->body = wire_get_text(&in);
    return wire_end(&in) && envelope->id != 0 && service <= SERVICE_LAST && is_unwanted <= 1 &&
           out->body.length <= QUEUE_INLINE_MAX;
}

void queue_job_encode(const struct queue_job *job, struct buffer *out)
{
    wire_put_u64(out, job->id);
    wire_put_u64(out, job->lease);
    wire_put_u32(out, job->item);
    wire_put_text(out, job->connector);
    wire_put_text(out, job->domain);
    wire_put_text(out, job->sender);
    put_terms(out, &job->terms);
    wire_put_u64(out, job->size);
    wire_put_u32(out, job->recipient_count);
    for (unsigned i = 0; i < job->recipient_count; i++) {
        wire_put_u32(out, job->recipients[i].number);
        wire_put_text(out, job->recipients[i].address);
        wire_put_text(out, job->recipients[i].original_recipient);
        wire_put_u8(out, (uint8_t)job->recipients[i].notify);
    }
    wire_put_text(out, job->body);
}

bool queue_job_decode(struct wire_reader *in, struct arena *arena, struct queue_job *out)
{
    *out = (struct queue_job){0};
    out->id = wire_get_u64(in);
    out->lease = wire_get_u64(in);
    out->item = wire_get_u32(in);
    out->connector = wire_get_text(in);
    out->domain = wire_get_text(in);
    out->sender = wire_get_text(in);
    get_terms(in, &out->terms);
    out->size = wire_get_u64(in);
    out->recipient_count = wire_get_u32(in);
    if (in->bad || out->recipient_count > in->rest.length / 13)
        return false;
    struct queue_job_recipient *recipients =
        arena_array(arena, out->recipient_count, sizeof(*recipients));
    for (unsigned i = 0; i < out->recipient_count; i++) {
        recipients[i].number = wire_get_u32(in);
        recipients[i].address = wire_get_text(in);
        recipients[i].original_recipient = wire_get_text(in);
        recipients[i].notify = wire_get_u8(in);
    }
    out->recipients = recipients;
    out->body = wire_get_text(in);
    return !in->bad;
}

void queue_claims_encode(const struct queue_claim *claims, unsigned count, struct buffer *out)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++) {
        wire_put_u64(out, claims[i].id);
        wire_put_u64(out, claims[i].lease);
        wire_put_u64(out, claims[i].turn);
        wire_put_u32(out, claims[i].item);
    }
}

bool queue_claims_decode(struct text bytes, struct arena *arena, struct queue_claim **claims,
                         unsigned *count)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    if (in.bad || *count > QUEUE_CLAIMS_MOST)
        return false;
    *claims = arena_array(arena, *count, sizeof(**claims));
    for (unsigned i = 0; i < *count; i++) {
        (*claims)[i].id = wire_get_u64(&in);
        (*claims)[i].lease = wire_get_u64(&in);
        (*claims)[i].turn = wire_get_u64(&in);
        (*claims)[i].item = wire_get_u32(&in);
    }
    return wire_end(&in);
}

void queue_report_encode(uint64_t lease, const struct queue_outcome *outcomes, unsigned count,
                         struct buffer *out)
{
    wire_put_u64(out, lease);
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++) {
        const struct queue_outcome *outcome = &outcomes[i];
        wire_put_u32(out, outcome->number);
        wire_put_u8(out, (uint8_t)outcome->status);
        wire_put_u8(out, outcome->no_connection);
        wire_put_u8(out, outcome->peer_reports_success);
        wire_put_u8(out, outcome->peer_keeps_time);
        wire_put_text(out, text_head(outcome->remote_host, QUEUE_FACT_MAX));
        wire_put_text(out, text_head(outcome->tls, QUEUE_FACT_MAX));
        wire_put_text(out, text_head(outcome->enhanced, QUEUE_FACT_MAX));
        wire_put_text(out, text_head(outcome->reply, QUEUE_FACT_MAX));
    }
}

/* RFC 3463 2: class.subject.detail; anything else counts as unknown. */
static struct text get_enhanced(struct wire_reader *in)
{
    struct text code = get_fact(in), rest = code, part;
    unsigned parts = 0;
    while (text_split(&rest, '.', &part)) {
        uint32_t number;
        if (!text_to_u32(part, &number) || number > 999 || part.length > 3 || ++parts > 3)
            return TEXT("");
    }
    bool ends = code.length > 0 && code.data[code.length - 1] != '.';
    bool class_is_known =
        ends && (code.data[0] == '2' || code.data[0] == '4' || code.data[0] == '5');
    return parts == 3 && class_is_known && code.data[1] == '.' ? code : TEXT("");
}

bool queue_report_decode(struct text bytes, struct arena *arena, struct queue_report_request *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct queue_report_request){.lease = wire_get_u64(&in)};
    out->count = wire_get_u32(&in);
    if (in.bad || out->count > in.rest.length / 24)
        return false;
    out->outcomes = arena_array(arena, out->count, sizeof(*out->outcomes));
    for (unsigned i = 0; i < out->count; i++) {
        struct queue_outcome *outcome = &out->outcomes[i];
        outcome->number = wire_get_u32(&in);
        uint8_t status = wire_get_u8(&in);
        outcome->status = (enum status)status;
        outcome->no_connection = get_bool(&in);
        outcome->peer_reports_success = get_bool(&in);
        outcome->peer_keeps_time = get_bool(&in);
        outcome->remote_host = get_fact(&in);
        outcome->tls = get_fact(&in);
        outcome->enhanced = get_enhanced(&in);
        outcome->reply = get_fact(&in);
        if (status > REFUSED)
            return false;
    }
    return wire_end(&in);
}

void queue_url_encode(const struct queue_url_question *question, struct buffer *out)
{
    wire_put_text(out, question->url);
    wire_put_text(out, question->login);
    wire_put_u64(out, question->offset);
}

bool queue_url_decode(struct text bytes, struct queue_url_question *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    out->url = wire_get_text(&in);
    out->login = wire_get_text(&in);
    out->offset = wire_get_u64(&in);
    return wire_end(&in) && !text_is_empty(out->login);
}

void queue_url_answer_encode(const struct queue_url_answer *answer, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)answer->way);
    wire_put_text(out, text_from(answer->reason.text));
    wire_put_u64(out, answer->size);
    wire_put_text(out, buffer_text(&answer->bytes));
}

bool queue_url_answer_decode(struct text bytes, struct queue_url_answer *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t way = wire_get_u8(&in);
    struct text reason = wire_get_text(&in);
    out->size = wire_get_u64(&in);
    struct text part = wire_get_text(&in);
    if (!wire_end(&in) || way >= QUEUE_URL_WAYS || part.length > QUEUE_BODY_CHUNK)
        return false;
    out->way = (enum queue_url_way)way;
    text_copy(text_head(reason, REASON_BYTES - 1), out->reason.text, REASON_BYTES);
    buffer_append(&out->bytes, part);
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the seed corpus of the wire's fuzzers into a folder: for each target valid inputs of every
 * kind, from fixed seeds. Run it after a change of the messages:
 *     make-wire-corpus tests/fuzz/wire/corpus */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "gen.h"
#include "wire/codec.h"
#include "wire/token.h"

static const char *top;

__attribute__((format(printf, 3, 4))) static void save(const char *target, const struct buf *b,
                                                       const char *fmt, ...)
{
    char name[256], path[4096];
    va_list args;
    FILE *f;

    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    snprintf(path, sizeof path, "%s/%s", top, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s.bin", top, target, name);
    f = fopen(path, "wb");
    MUST(f != NULL && fwrite(b->p, 1, b->n, f) == b->n && fclose(f) == 0, "%s: cannot be written",
         path);
}

static void save_record(const char *target, const struct record_desc *d, const void *rec,
                        const char *name)
{
    struct buf b = { 0 };
    struct err e = { "" };

    MUST(wire_encode(d, rec, &b, &e) == 0, "%s", e.text);
    save(target, &b, "%s", name);
    buf_deinit(&b);
}

static void envelopes(struct gen *g)
{
    for (uint32_t body = envelope_enrol; body < envelope_FIELD_COUNT; body++)
        save_record("envelope", &envelope_desc, gen_envelope(g, body),
                    envelope_desc.fields[body].name);
}

static void some(struct gen *g, const char *target, const struct record_desc *d)
{
    static const unsigned fill[] = { 0, 20, 100 };
    static const char *const names[] = { "least", "some", "all" };

    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        g->fill = fill[i];
        g->longest = 1;
        save_record(target, d, gen_record(g, d), names[i]);
    }
}

/* One section of each kind with its true digest, and one without. */
static void reports(struct gen *g)
{
    for (int id = 0; id < SECTION_COUNT; id++) {
        const struct section_desc *d = &section_descs[id];
        struct section s = { .id = (enum section_id)id, .status = SECTION_OK, .row_count = 1 };
        struct section_body body;
        struct report report = { 0 };
        struct err e = { "" };

        g->fill = 30;
        s.rows = gen_record(g, d->row);
        MUST(section_normalise(&s, g->a, &e) == 0, "%s", e.text);
        section_to_body(&s, &body);
        REC_SET(&report, report, sections, ((struct recs){ &body, 1 }));
        save_record("report", &report_desc, &report, d->name);
        if (id == SECTION_NICS) {
            REC_CLEAR(&body, section_body, digest);
            save_record("report", &report_desc, &report, "nics-without-digest");
        }
    }
}

static void tokens(void)
{
    static const uint8_t secret[16] = { 1, 2, 3 };
    pubkey server = { { 0xab, 0xcd } };
    char text[TOKEN_TEXT];
    struct buf b = { 0 };

    buf_str(&b, token_format(server, secret, text));
    save("token", &b, "whole");
    b.n -= 7;
    save("token", &b, "cut");
    b.n = 0;
    buf_str(&b, "01020300000000000000000000000000");
    save("token", &b, "secret");
    buf_deinit(&b);
}

int main(int argc, char **argv)
{
    struct gen g = { .state = 20260101, .a = arena_new(0), .fill = 60, .longest = 2 };

    MUST(argc == 2, "usage: make-wire-corpus FOLDER");
    top = argv[1];
    mkdir(top, 0777);
    g.short_texts = true;
    envelopes(&g);
    some(&g, "request", &request_desc);
    some(&g, "reply", &reply_desc);
    some(&g, "worker_request", &worker_request_desc);
    some(&g, "worker_result", &worker_result_desc);
    reports(&g);
    tokens();
    arena_free(g.a);
    return 0;
}

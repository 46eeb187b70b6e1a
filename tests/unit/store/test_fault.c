/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that fails, at every call in turn: nothing acknowledged is lost, nothing else appears, and
 * when the disk works again so does the store. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "script.h"
#include "store_internal.h"
#include "vfs_fault.h"

struct run {
    const struct script *s;
    char *dir;
    struct store_options options;
    struct store *store;
    uint32_t acked;      /* batches */
    bool struck_opening; /* the fault came before the first batch */
    char where[128];     /* for messages */
    struct err e;
};

/* A store that is open has a WAL, whatever has failed on the way: without one the syncs of
 * synchronous=FULL do not keep a commit. (sqlite.org, "Database File Format", section 1.3.2) */
static void check_wal(const struct run *r)
{
    char path[600];
    uint8_t version[2] = { 0 };
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", r->dir, STORE_FILE);
    f = fopen(path, "rb");
    cr_assert(f != NULL && fseek(f, 18, SEEK_SET) == 0 && fread(version, 2, 1, f) == 1);
    cr_assert(version[0] == 2 && version[1] == 2, "%s: open without a WAL", r->where);
    fclose(f);
}

static void open_store(struct run *r)
{
    int rc = store_open(&r->options, &r->store, &r->e);

    cr_assert(rc == 0, "%s: open: %s", r->where, r->e.text);
    check_wal(r);
    rc = store_init_identity(r->store, script_db_id, &r->e);
    cr_assert(rc == 0, "%s: identity: %s", r->where, r->e.text);
}

/* The database is the script's after `acked` batches, or, when `or_next`, after one more. */
static void check_state(struct run *r, struct store *store, const struct store_options *o,
                        bool or_next)
{
    char *text = database_text(store, o, &r->e);

    cr_assert(text != NULL, "%s: load: %s", r->where, r->e.text);
    if (or_next && r->acked < r->s->count && strcmp(text, r->s->texts[r->acked + 1]) == 0)
        r->acked++;
    cr_assert(strcmp(text, r->s->texts[r->acked]) == 0,
              "%s: after batch %u there is\n%s\nand not\n%s", r->where, r->acked, text,
              r->s->texts[r->acked]);
    free(text);
}

/* What would be there if the process were killed now. */
static void check_crash(struct run *r)
{
    char *dir = temp_crash_copy(r->dir);
    struct store_options o = { .dir = dir, .copies = true };
    struct store *s = NULL;
    int rc = store_open(&o, &s, &r->e);

    snprintf(r->where + strlen(r->where), 16, ", crash");
    cr_assert(rc == 0, "%s: crashed copy: %s", r->where, r->e.text);
    check_state(r, s, &o, false);
    r->where[strlen(r->where) - strlen(", crash")] = '\0';
    store_close(s);
    temp_remove(dir);
}

static void recover(struct run *r, int outcome, bool lasting)
{
    cr_assert(strlen(r->e.text) > 0);
    if (outcome == STORE_E_FATAL) {
        cr_assert(store_commit(r->store, r->s->batches[r->acked], &r->e) == STORE_E_FATAL);
        vfs_fault_heal();
        store_close(r->store);
        r->store = NULL;
        open_store(r);
        check_state(r, r->store, &r->options, true);
        return;
    }
    cr_assert(outcome == STORE_E_FAILED, "%s: outcome %d", r->where, outcome);
    check_crash(r);
    if (!lasting)
        check_state(r, r->store, &r->options, false);
    vfs_fault_heal();
    check_state(r, r->store, &r->options, false);
    outcome = store_try_write(r->store, &r->e);
    cr_assert(outcome == 0, "%s: try: %s", r->where, r->e.text);
    check_state(r, r->store, &r->options, false);
}

static void run_script(struct run *r, bool lasting)
{
    int rc = store_open(&r->options, &r->store, &r->e);

    if (rc == 0)
        rc = store_init_identity(r->store, script_db_id, &r->e);
    r->struck_opening = vfs_fault_fired();
    if (rc != 0) {
        cr_assert(strlen(r->e.text) > 0, "%s: open without a sentence", r->where);
        cr_assert(vfs_fault_fired(), "%s: %s", r->where, r->e.text);
        vfs_fault_heal();
        store_close(r->store);
        r->store = NULL;
        open_store(r);
    }
    check_wal(r);
    r->store->checkpoint_pages = 8;
    while (r->acked < r->s->count) {
        rc = store_commit(r->store, r->s->batches[r->acked], &r->e);
        if (rc == 0) {
            r->acked++;
            rc = r->acked % 4 == 1 ? store_pack(r->store, 2, &r->e) : 0;
        }
        if (rc != 0)
            recover(r, rc, lasting);
        r->store->checkpoint_pages = 8;
    }
    store_close(r->store); /* the fault may strike here */
    vfs_fault_heal();
    open_store(r);
    check_state(r, r->store, &r->options, false);
    store_close(r->store);
}

struct sweep {
    enum fault kind;
    bool lasting;
    const char *made; /* each run starts with a copy of this folder; NULL: from nothing */
    uint64_t seed, first, step;
};

/* Fails every `step`th call in turn, until the script ends without; from nothing, until the opening
 * does. Returns the number of the last call failed. */
static uint64_t sweep_calls(const struct sweep *w)
{
    struct script *s = script_new(w->seed, w->made == NULL ? 1 : 8, 12);
    uint64_t n = w->first;

    for (bool struck = true; struck; n += w->step) {
        struct run r = { .s = s, .dir = w->made == NULL ? temp_dir() : temp_crash_copy(w->made) };

        r.options =
            (struct store_options){ .dir = r.dir, .vfs = VFS_FAULT, .copies = w->made != NULL };
        snprintf(r.where, sizeof r.where, "seed %llu, %s, from %s, call %llu%s",
                 (unsigned long long)w->seed, vfs_fault_name(w->kind),
                 w->made == NULL ? "nothing" : "a copy", (unsigned long long)n,
                 w->lasting ? " and all after" : "");
        vfs_fault_arm(w->kind, n, w->lasting);
        run_script(&r, w->lasting);
        struck = w->made == NULL ? r.struck_opening : vfs_fault_fired();
        temp_remove(r.dir);
    }
    script_free(s);
    return n - w->step;
}

/* Reads and writes are so many, and writes fail in so many ways, that the short run takes some of
 * them: from another one on each time. */
static uint64_t step_of(enum fault kind)
{
    if (getenv("MUSTER_LONG") != NULL)
        return 1;
    return kind < FAULT_SYNC ? 8 : kind == FAULT_READ ? 3 : 1;
}

static void sweep(enum fault kind, bool lasting)
{
    struct sweep w = { .kind = kind, .lasting = lasting, .seed = random_seed() };
    bool rare = kind == FAULT_SHM || kind == FAULT_TRUNCATE || kind == FAULT_OPEN;
    char *made = script_empty_database();
    uint64_t last;

    vfs_fault_register();
    w.step = step_of(kind);
    w.first = 1 + w.seed % w.step;
    sweep_calls(&w);
    w.made = made;
    last = sweep_calls(&w);
    temp_remove(made);
    /* The scripts must come by here at all. */
    cr_assert(last > (rare ? 2 : 15), "only %llu calls", (unsigned long long)last);
}

#define SWEEP(name, kind)       \
    Test(fault, name##_once)    \
    {                           \
        sweep(kind, false);     \
    }                           \
    Test(fault, name##_lasting) \
    {                           \
        sweep(kind, true);      \
    }

SWEEP(write_eio, FAULT_WRITE_EIO)
SWEEP(write_short, FAULT_WRITE_SHORT)
SWEEP(write_full, FAULT_WRITE_FULL)
SWEEP(extend_full, FAULT_EXTEND_FULL)
SWEEP(sync, FAULT_SYNC)
SWEEP(truncate, FAULT_TRUNCATE)
SWEEP(read, FAULT_READ)
SWEEP(open, FAULT_OPEN)
SWEEP(shared_memory, FAULT_SHM)

/* ---- single stories ------------------------------------------------------------------------- */

static struct run story(uint64_t seed)
{
    struct run r = { .s = script_new(seed, 3, 20), .dir = temp_dir(), .where = "story" };

    vfs_fault_register();
    r.options = (struct store_options){ .dir = r.dir, .vfs = VFS_FAULT };
    open_store(&r);
    return r;
}

static void end_story(struct run *r)
{
    store_close(r->store);
    temp_remove(r->dir);
    script_free((struct script *)(uintptr_t)r->s);
}

Test(fault, full_disk_is_not_called_well_too_early)
{
    struct run r = story(1);

    vfs_fault_arm(FAULT_WRITE_FULL, 1, true);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == STORE_E_FAILED);
    cr_assert(strstr(r.e.text, "full") && strstr(r.e.text, r.dir), "%s", r.e.text);
    for (int i = 0; i < 3; i++) {
        cr_assert(store_try_write(r.store, &r.e) == STORE_E_FAILED);
        check_state(&r, r.store, &r.options, false);
    }
    /* Room for a few pages, which is what a failed batch gives back, is not enough. */
    vfs_fault_arm(FAULT_WRITE_FULL, 100, true);
    cr_assert(store_try_write(r.store, &r.e) == STORE_E_FAILED);
    vfs_fault_heal();
    cr_assert(store_try_write(r.store, &r.e) == 0, "%s", r.e.text);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == 0);
    r.acked = 1;
    check_state(&r, r.store, &r.options, false);
    end_story(&r);
}

/* After a failed sync the store does not write any more, even when it could. */
Test(fault, failed_sync_is_the_end)
{
    struct run r = story(2);

    vfs_fault_arm(FAULT_SYNC, 1, false);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == STORE_E_FATAL);
    cr_assert(strstr(r.e.text, "synced"), "%s", r.e.text);
    vfs_fault_arm(FAULT_WRITE_EIO, 1, true);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == STORE_E_FATAL);
    cr_assert(store_try_write(r.store, &r.e) == STORE_E_FATAL);
    store_close(r.store);
    cr_assert(!vfs_fault_fired(), "it wrote after a failed sync");
    vfs_fault_heal();
    open_store(&r);
    check_state(&r, r.store, &r.options, true);
    end_story(&r);
}

/* A connection that cannot even roll back is closed, and opened again when it is asked for. */
Test(fault, lost_connection_comes_back)
{
    struct run r = story(3);

    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == 0);
    r.acked = 1;
    store_disconnect(r.store);
    vfs_fault_arm(FAULT_OPEN, 1, true);
    cr_assert(store_commit(r.store, r.s->batches[1], &r.e) == STORE_E_FAILED);
    cr_assert(store_try_write(r.store, &r.e) == STORE_E_FAILED);
    cr_assert(database_text(r.store, &r.options, &r.e) == NULL);
    vfs_fault_heal();
    check_state(&r, r.store, &r.options, false);
    cr_assert(store_try_write(r.store, &r.e) == 0);
    cr_assert(store_commit(r.store, r.s->batches[1], &r.e) == 0);
    r.acked = 2;
    check_state(&r, r.store, &r.options, false);
    end_story(&r);
}

/* SQLite extends the WAL's index when the WAL has been synced already: were there no space for it,
 * a commit would fail that a crash would bring back. */
Test(fault, space_for_the_index_is_taken_beforehand)
{
    struct run r = story(5);
    struct change *list = arena_array(r.s->arena, 6000, sizeof *list);
    struct nic *rows = arena_array(r.s->arena, 6000, sizeof *rows);
    char *alias = arena_zalloc(r.s->arena, 4097);
    int rc;

    memset(alias, 'x', 4096);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == 0);
    for (uint32_t i = 0; i < 6000; i++) {
        const char *name = arena_printf(r.s->arena, "eth%u", i);

        REC_SET(&rows[i], nic, name, name);
        REC_SET(&rows[i], nic, alias, alias);
        list[i].type = CHANGE_INVENTORY;
        list[i].inventory = (struct inventory_row){
            .node_no = 1, .section = SECTION_NICS, .key = name, .hash = i, .row = &rows[i]
        };
        list[i].next = i + 1 < 6000 ? &list[i + 1] : NULL;
    }
    vfs_fault_arm(FAULT_SHM, 1, true);
    rc = store_commit(r.store, list, &r.e);
    cr_assert(rc == 0, "%s", r.e.text);
    cr_assert(!vfs_fault_fired());
    vfs_fault_heal();
    end_story(&r);
}

/* The reader of another thread goes on while nothing can be written. */
Test(fault, queries_go_on)
{
    struct run r = story(4);
    struct store_reader *reader;
    struct arena *a = arena_new(0);
    struct section sections[SECTION_COUNT];

    cr_assert(store_reader_open(&r.options, &reader, &r.e) == 0);
    vfs_fault_arm(FAULT_WRITE_FULL, 1, true);
    cr_assert(store_commit(r.store, r.s->batches[0], &r.e) == STORE_E_FAILED);
    for (uint32_t no = 1; no < 7; no++)
        cr_assert(store_read_sections(reader, no, a, sections, &r.e) == 0);
    vfs_fault_heal();
    store_reader_close(reader);
    arena_free(a);
    end_story(&r);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks a folder and prints what each file in it is as one JSON document a line, and the tally of
 * the walk as the last one:
 * scan-dump [--depth|--entries|--files|--bytes|--memory|--time-ms|--threads N] [--mounted PATH]
 *           FOLDER */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/render.h"
#include "scan/read_walk.h"

static int usage(void)
{
    fprintf(stderr, "usage: scan-dump [--depth|--entries|--files|--bytes|--memory|--time-ms|"
                    "--threads N]\n                 [--mounted PATH] FOLDER\n");
    return 2;
}

static void text(struct json *j, const char *name, const char *value)
{
    if (value != NULL)
        json_str(j, name, value);
}

static void number(struct json *j, const char *name, struct opt v)
{
    if (v.has)
        json_int(j, name, (int64_t)v.v);
}

static void flags(struct json *j, unsigned set)
{
    static const char *const names[] = { "dirty", "corrupt", "encrypted", "needs_log",
                                         "short", "blank",   "part",      "data_elsewhere" };

    json_array(j, "flags");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((set & 1u << i) != 0)
            json_str(j, NULL, names[i]);
    }
    json_end_array(j);
}

static void link_fields(struct json *j, const struct image_name *name, const struct image_link *l)
{
    text(j, "name", name->text);
    text(j, "state", link_state_name(l->state));
    text(j, "path", l->path);
    text(j, "why", l->why);
}

static void one_link(struct json *j, const char *what, const struct image_name *name,
                     const struct image_link *l)
{
    if (name->raw.n == 0)
        return;
    json_object(j, what);
    link_fields(j, name, l);
    json_end_object(j);
}

static void extents(struct json *j, const struct parsed_image *image,
                    const struct image_links *links)
{
    json_array(j, "extents");
    for (size_t i = 0; links->extents != NULL && i < image->extent_count; i++) {
        const struct image_extent *e = &image->extents[i];

        json_object(j, NULL);
        text(j, "type", e->type);
        text(j, "access", e->access);
        json_int(j, "bytes", (int64_t)e->bytes);
        number(j, "start_bytes", e->start_bytes);
        link_fields(j, &e->file, &links->extents[i]);
        json_end_object(j);
    }
    json_end_array(j);
}

static void numbers(struct json *j, const struct parsed_image *image)
{
    number(j, "version", image->version);
    number(j, "virtual_bytes", image->virtual_bytes);
    number(j, "block_bytes", image->block_bytes);
    number(j, "sector_bytes", image->sector_bytes);
    number(j, "snapshots", image->snapshots);
}

static int print(void *arg, const struct image_found *f)
{
    const struct parsed_image *image = f->image;
    struct buf out = { 0 };
    struct json j;

    (void)arg;
    json_init(&j, &out);
    json_object(&j, NULL);
    json_str(&j, "path", f->path);
    json_int(&j, "inode", (int64_t)f->inode);
    json_int(&j, "size_bytes", (int64_t)f->size_bytes);
    json_int(&j, "allocated_bytes", (int64_t)f->allocated_bytes);
    json_int(&j, "modified_ms", f->modified.v);
    json_bool(&j, "buffered", f->buffered);
    json_bool(&j, "changed", f->changed);
    json_str(&j, "format", image_format_name(image->format));
    text(&j, "fault", image_fault_name(image->fault));
    text(&j, "why", image->why);
    flags(&j, image->flags);
    text(&j, "subformat", image->subformat);
    numbers(&j, image);
    text(&j, "uuid", image->uuid);
    text(&j, "content", image->content);
    text(&j, "backing_format", image->backing_format);
    text(&j, "backing_uuid", image->backing_uuid);
    json_bool(&j, "all_found", f->links.all_found);
    one_link(&j, "backing", &image->backing, &f->links.backing);
    one_link(&j, "data_file", &image->data_file, &f->links.data_file);
    extents(&j, image, &f->links);
    json_end_object(&j);
    printf("%s\n", buf_cstr(&out));
    buf_deinit(&out);
    return 0;
}

static void print_tally(const struct walk_tally *t)
{
    struct buf out = { 0 };
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_bool(&j, "complete", walk_is_complete(t));
    json_int(&j, "folders", (int64_t)t->folders);
    json_int(&j, "entries", (int64_t)t->entries);
    json_int(&j, "files", (int64_t)t->files);
    json_int(&j, "candidates", (int64_t)t->candidates);
    json_int(&j, "links", (int64_t)t->links);
    json_int(&j, "others", (int64_t)t->others);
    json_int(&j, "mounts", (int64_t)t->mounts);
    json_int(&j, "failed", (int64_t)t->failed);
    json_int(&j, "bytes", (int64_t)t->bytes);
    json_object(&j, "hit");
    for (size_t i = 0; i < WALK_BOUND_COUNT; i++) {
        if (t->hit[i] > 0)
            json_int(&j, walk_bound_name((enum walk_bound)i), (int64_t)t->hit[i]);
    }
    json_end_object(&j);
    json_end_object(&j);
    printf("%s\n", buf_cstr(&out));
    buf_deinit(&out);
}

static bool set_option(struct walk_options *o, const char *name, const char *value)
{
    unsigned long long n = strtoull(value, NULL, 10);

    if (strcmp(name, "--depth") == 0)
        o->limits.depth = (uint32_t)n;
    else if (strcmp(name, "--entries") == 0)
        o->limits.entries = n;
    else if (strcmp(name, "--files") == 0)
        o->limits.files = n;
    else if (strcmp(name, "--bytes") == 0)
        o->limits.bytes = n;
    else if (strcmp(name, "--memory") == 0)
        o->limits.memory = n;
    else if (strcmp(name, "--time-ms") == 0)
        o->limits.time_ms = (int64_t)n;
    else if (strcmp(name, "--threads") == 0)
        o->threads = (unsigned)n;
    else if (strcmp(name, "--mounted") == 0)
        o->mounted = value;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct walk_options o = { .limits = walk_limits_default(), .sink = print };
    struct walk_tally tally;
    struct err e = { "" };
    int i, root;

    for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (!set_option(&o, argv[i], argv[i + 1]))
            return usage();
    }
    if (i + 1 != argc)
        return usage();
    root = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        perror(argv[i]);
        return 1;
    }
    if (read_walk(root, &o, &tally, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    print_tally(&tally);
    return 0;
}

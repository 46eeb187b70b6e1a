/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes inputs for fuzz_image: make-scan-corpus FOLDER makes those of the hand-made images in a
 * folder for each format; make-scan-corpus FOLDER FILE... adds those files, of which the first
 * sectors that are not empty count. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "made.h"
#include "sparse.h"

enum { INPUT_MOST = 12 << 10 };

static void add_number(struct buf *b, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        buf_add(b, &(uint8_t){ (uint8_t)(v >> 8 * i) }, 1);
}

static bool is_empty(const uint8_t *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0)
        n--;
    return n == 0;
}

/* Of the first 4 MiB and the last sector. */
static void write_input(const char *path, const uint8_t *content, size_t n, const uint8_t *tail,
                        uint64_t file_bytes)
{
    struct buf b = { 0 };
    FILE *f = fopen(path, "wbe");

    add_number(&b, SPARSE_SEALED, 1);
    add_number(&b, file_bytes, 8);
    for (size_t at = 0; at < n && b.n < INPUT_MOST; at += SPARSE_SECTOR) {
        size_t bytes = n - at < SPARSE_SECTOR ? n - at : SPARSE_SECTOR;

        if (is_empty(content + at, bytes))
            continue;
        add_number(&b, at / SPARSE_SECTOR, 4);
        add_number(&b, bytes, 2);
        buf_add(&b, content + at, bytes);
    }
    if (tail != NULL) {
        add_number(&b, file_bytes / SPARSE_SECTOR - 1, 4);
        add_number(&b, SPARSE_SECTOR, 2);
        buf_add(&b, tail, SPARSE_SECTOR);
    }
    if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    buf_deinit(&b);
}

static void write_made(const char *folder, const char *format, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/image_%s", folder, format);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/image_%s/made_%s.bin", folder, format, name);
    write_input(path, made, (size_t)made_bytes, NULL, made_bytes);
}

static void write_file(const char *folder, const char *name)
{
    static uint8_t content[MADE_MOST], tail[SPARSE_SECTOR];
    const char *dot = strrchr(name, '.'), *base = strrchr(name, '/');
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    char path[4096];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) != 0 || (n = read(fd, content, sizeof content)) < 0 ||
        dot == NULL) {
        perror(name);
        exit(1);
    }
    snprintf(path, sizeof path, "%s/image_%s/%s", folder, dot + 1, base == NULL ? name : base + 1);
    write_input(path, content, (size_t)n,
                st.st_size % SPARSE_SECTOR == 0 &&
                        pread(fd, tail, sizeof tail, st.st_size - SPARSE_SECTOR) == SPARSE_SECTOR
                    ? tail
                    : NULL,
                (uint64_t)st.st_size);
    close(fd);
}

static void write_qcow2(const char *folder)
{
    make_qcow2(2);
    put_be(8, 8, 80);
    put_be(16, 4, 4);
    put(80, "base");
    write_made(folder, "qcow2", "v2");
    make_qcow2(3);
    put_be(112, 4, 0xe2792aca);
    put_be(116, 4, 3);
    put(120, "raw");
    put_be(128, 4, 0x44415441);
    put_be(132, 4, 4);
    put(136, "data");
    put_be(8, 8, 160);
    put_be(16, 4, 12);
    put(160, "file:../base");
    put_be(72, 8, 7);
    write_made(folder, "qcow2", "v3");
}

static void put_locator(unsigned i, uint32_t code, size_t at, size_t bytes)
{
    put_be(VHD_HEADER + 576 + 24 * i, 4, code);
    put_be(VHD_HEADER + 576 + 24 * i + 8, 4, bytes);
    put_be(VHD_HEADER + 576 + 24 * i + 16, 8, at);
}

static void write_vhd(const char *folder)
{
    make_vhd(2);
    write_made(folder, "vhd", "fixed");
    make_vhd(3);
    write_made(folder, "vhd", "dynamic");
    make_vhd(4);
    put_locator(0, 0x57326b75, 8192, put_utf16(8192, "C:\\p.vhd", false));
    put_locator(1, 0x4d616358, 9216, 14);
    put(9216, "file://./p.vhd");
    put_locator(2, 0x57327275, 10240, put_utf16(10240, ".\\p.vhd", false));
    seal_vhd_header();
    write_made(folder, "vhd", "differencing");
}

static void write_vhdx(const char *folder)
{
    make_vhdx();
    write_made(folder, "vhdx", "dynamic");
    put_le(VHDX_PARAMETERS + 4, 4, 2);
    put_guid(VHDX_PARENT, "b04aefb7-d19e-4a81-b789-25b8e9445913");
    put_le(VHDX_PARENT + 18, 2, 1);
    put_le(VHDX_PARENT + 20, 4, 64);
    put_le(VHDX_PARENT + 24, 4, 128);
    put_le(VHDX_PARENT + 28, 2, put_utf16(VHDX_PARENT + 64, "relative_path", false));
    put_le(VHDX_PARENT + 30, 2, put_utf16(VHDX_PARENT + 128, ".\\p.vhdx", false));
    made[(64 << 10) + 48] = 1;
    write_made(folder, "vhdx", "differencing");
}

static void write_vmdk(const char *folder)
{
    static const char text[] =
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=9abcdef0\n"
        "createType=\"custom\"\nparentFileNameHint=\"../p.vmdk\"\n"
        "RW 8 FLAT \"a-flat.vmdk\" 16\nRDONLY 8 SPARSE \"C:\\b.vmdk\"\n"
        "NOACCESS 8 ZERO\nencryption.data=\"x\"\n";

    make_vmdk_text(text);
    write_made(folder, "vmdk", "text");
    make_vmdk_sparse(text);
    write_made(folder, "vmdk", "sparse");
    put_le(56, 8, UINT64_MAX);
    memcpy(made + (1 << 20) - 1024, made, 512);
    write_made(folder, "vmdk", "stream");
    made_clear();
    put(0, "COWD");
    put_le(4, 4, 1);
    put_le(12, 4, 2048);
    write_made(folder, "vmdk", "cowd");
}

static void write_raw(const char *folder)
{
    made_clear();
    put_le(446 + 4, 1, 0x83);
    put_le(446 + 8, 4, 63);
    put_le(446 + 12, 4, 100);
    put_le(510, 2, 0xaa55);
    write_made(folder, "raw", "mbr");
    put(512, "EFI PART");
    put_le(512 + 12, 4, 92);
    put_le(512 + 32, 8, 2047);
    write_made(folder, "raw", "gpt");
    put(32768, "\001CD001");
    put_le(32768 + 80, 4, 300);
    put_le(32768 + 128, 2, 2048);
    write_made(folder, "raw", "iso9660");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: make-scan-corpus FOLDER [FILE...]\n");
        return 2;
    }
    write_qcow2(argv[1]);
    write_vhd(argv[1]);
    write_vhdx(argv[1]);
    write_vmdk(argv[1]);
    write_raw(argv[1]);
    for (int i = 2; i < argc; i++)
        write_file(argv[1], argv[i]);
    return 0;
}

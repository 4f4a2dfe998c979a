/* .npz files: a zip archive of .npy members. Reading follows the central directory (stored and deflated members, 64-bit sizes too, checksums
   compared); writing stores. Names, offsets and sizes in an archive are a stranger's: each is checked against the file before use. */
#include <stdlib.h>
#include <string.h>

#include "npy.h"

enum { LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, MOST_MEMBERS = 4096, LONGEST_RATIO = 1032 };

typedef struct Archive { const unsigned char *bytes; size_t size; } Archive;

typedef struct Directory { uint64_t offset, count; } Directory;

typedef struct Member {
    const unsigned char *name;
    size_t name_bytes;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, unpacked, local;        /* sizes, and where its local header stands */
} Member;

static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static bool signed_with(const Archive *archive, uint64_t offset, size_t bytes, const char *signature)
{
    return offset <= archive->size && bytes <= archive->size - offset && !memcmp(archive->bytes + offset, signature, 4);
}

static uint32_t crc32_add(uint32_t crc, const void *data, size_t bytes)
{
    static const uint32_t nibbles[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                         0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const unsigned char *at = data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc = crc >> 4 ^ nibbles[(crc ^ at[i]) & 15];
        crc = crc >> 4 ^ nibbles[(crc ^ at[i] >> 4) & 15];
    }
    return ~crc;
}

/* ---- reading ---- */

static bool find_directory(const Archive *archive, Directory *directory)
{
    if (archive->size < END_BYTES)
        return false;
    size_t lowest = archive->size > END_BYTES + 65535 ? archive->size - END_BYTES - 65535 : 0, end = archive->size - END_BYTES;
    while (!signed_with(archive, end, END_BYTES, "PK\5\6"))
        if (end-- == lowest)
            return false;
    directory->count = get(archive->bytes + end + 10, 2);
    directory->offset = get(archive->bytes + end + 16, 4);
    if (directory->count != 0xffff && directory->offset != 0xffffffff)
        return true;
    if (end < LOCATOR_BYTES || !signed_with(archive, end - LOCATOR_BYTES, LOCATOR_BYTES, "PK\6\7"))
        return false;
    uint64_t end64 = get(archive->bytes + end - LOCATOR_BYTES + 8, 8);
    if (!signed_with(archive, end64, END64_BYTES, "PK\6\6"))
        return false;
    directory->count = get(archive->bytes + end64 + 32, 8);
    directory->offset = get(archive->bytes + end64 + 48, 8);
    return true;
}

/* Sizes that do not fit 32 bits stand in the extra field with number 1, in this order, each only if its short form is all ones. */
static bool widen(Member *member, const unsigned char *extra, size_t bytes)
{
    uint64_t *const wide[] = {&member->unpacked, &member->packed, &member->local};
    while (bytes >= 4) {
        size_t length = (size_t)get(extra + 2, 2), at = 0;
        if (length > bytes - 4)
            return false;
        for (int i = 0; i < 3 && get(extra, 2) == 1; i++)
            if (*wide[i] == 0xffffffff) {
                if (length - at < 8)
                    return false;
                *wide[i] = get(extra + 4 + at, 8);
                at += 8;
            }
        extra += 4 + length;
        bytes -= 4 + length;
    }
    return true;
}

static bool read_member(const Archive *archive, uint64_t *offset, Member *member)
{
    if (!signed_with(archive, *offset, CENTRAL_BYTES, "PK\1\2"))
        return false;
    const unsigned char *at = archive->bytes + *offset;
    size_t name = (size_t)get(at + 28, 2), extra = (size_t)get(at + 30, 2), comment = (size_t)get(at + 32, 2);
    if (name + extra + comment > archive->size - *offset - CENTRAL_BYTES)
        return false;
    *member = (Member){.name = at + CENTRAL_BYTES, .name_bytes = name, .flags = (unsigned)get(at + 8, 2), .method = (unsigned)get(at + 10, 2),
                       .crc = (uint32_t)get(at + 16, 4), .packed = get(at + 20, 4), .unpacked = get(at + 24, 4), .local = get(at + 42, 4)};
    *offset += CENTRAL_BYTES + name + extra + comment;
    return widen(member, at + CENTRAL_BYTES + name, extra);
}

static bool unpack(const Archive *archive, const Member *member, unsigned char *out)
{
    const unsigned char *local = archive->bytes + member->local;
    size_t start = LOCAL_BYTES + (size_t)get(local + 26, 2) + (size_t)get(local + 28, 2), left = archive->size - (size_t)member->local;
    if (start > left || member->packed > left - start)
        return false;
    if (member->method == 0 && member->unpacked)
        memcpy(out, local + start, (size_t)member->unpacked);
    return member->method == 0 || inflate_bytes(local + start, (size_t)member->packed, out, (size_t)member->unpacked);
}

static bool plausible(const Archive *archive, const Member *member)
{
    return signed_with(archive, member->local, LOCAL_BYTES, "PK\3\4") && member->packed <= archive->size &&
           (member->method == 0 ? member->packed == member->unpacked : member->unpacked / LONGEST_RATIO <= member->packed);
}

static bool load_member(const Archive *archive, const Member *member, NpyArray *array, NpyError *error)
{
    if (member->flags & 1)
        return npy_bad(error, "is an encrypted archive");
    if (member->method != 0 && member->method != 8)
        return npy_bad(error, "is packed by method %u; stored and deflated members are read", member->method);
    if (!plausible(archive, member))
        return npy_bad(error, "is a damaged archive: a member's size or place is wrong");
    unsigned char *bytes = malloc(member->unpacked ? (size_t)member->unpacked : 1);
    if (!bytes)
        return npy_bad(error, "needs %llu bytes of memory, which are not to be had", (unsigned long long)member->unpacked);
    bool fine = unpack(archive, member, bytes) && crc32_add(0, bytes, (size_t)member->unpacked) == member->crc;
    if (fine)
        fine = npy_parse_member(bytes, (size_t)member->unpacked, array, error);
    else
        npy_bad(error, "is a damaged archive: a member does not unpack, or its checksum is wrong");
    free(bytes);
    return fine;
}

static bool name_member(const Member *member, NpyArray *array, NpyError *error)
{
    size_t length = member->name_bytes;
    if (length >= 4 && !memcmp(member->name + length - 4, ".npy", 4))
        length -= 4;
    array->name = calloc(length + 1, 1);
    if (!array->name)
        return npy_bad(error, "out of memory");
    memcpy(array->name, member->name, length);
    return true;
}

bool npz_parse(const unsigned char *bytes, size_t size, NpyFile *file, NpyError *error)
{
    const Archive archive = {bytes, size};
    Directory directory;
    *file = (NpyFile){.zip = true};
    if (!find_directory(&archive, &directory))
        return npy_bad(error, "is an archive without a directory at its end: was it cut short?");
    if (directory.count > MOST_MEMBERS)
        return npy_bad(error, "has more than %d members", MOST_MEMBERS);
    file->arrays = calloc((size_t)directory.count + 1, sizeof *file->arrays);
    bool fine = file->arrays || npy_bad(error, "out of memory");
    uint64_t packed = 0;
    while (fine && (uint64_t)file->count < directory.count) {
        Member member = {0};
        NpyArray *array = &file->arrays[file->count++];
        fine = read_member(&archive, &directory.offset, &member) || npy_bad(error, "is an archive with a damaged directory");
        /* members that share bytes could unpack to any size */
        fine = fine && ((packed += member.packed < size ? member.packed : size) <= size || npy_bad(error, "is an archive whose members overlap"));
        fine = fine && name_member(&member, array, error) && load_member(&archive, &member, array, error);
    }
    if (!fine)
        npy_free(file);
    return fine;
}

/* ---- writing ---- */

typedef struct Stored { uint32_t crc, bytes, offset; } Stored;

static void put(FILE *stream, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        fputc((int)(value >> (8 * i) & 0xff), stream);
}

/* The fields that a member's two headers share. No date: the same arrays give the same bytes. */
static void put_member(FILE *stream, const char *signature, const Stored *stored, size_t name_bytes)
{
    bool central = signature[2] == 1;
    fwrite(signature, 1, 4, stream);
    if (central)
        put(stream, 20, 2);
    put(stream, 20, 2);              /* version needed: 2.0 */
    put(stream, 0x800, 2);           /* flags: names are UTF-8 */
    put(stream, 0, 2);               /* stored */
    put(stream, 0x00210000, 4);      /* 1 January 1980, the first date there is */
    put(stream, stored->crc, 4);
    put(stream, stored->bytes, 4);
    put(stream, stored->bytes, 4);
    put(stream, name_bytes, 2);
    put(stream, 0, 2);
    if (central) {
        put(stream, 0, 6);           /* comment, disk, attributes */
        put(stream, 0, 4);
        put(stream, stored->offset, 4);
    }
}

static bool store_member(FILE *stream, const NpyArray *array, Stored *stored, uint64_t *offset, NpyError *error)
{
    char header[NPY_HEADER_MOST];
    const char *name = array->name ? array->name : "array";
    size_t length = npy_header(array, header, error), name_bytes = strlen(name) + 4;
    if (!length)
        return false;
    if (name_bytes > 0xffff)
        return npy_bad(error, "has a name too long for an archive");
    uint64_t next = *offset + LOCAL_BYTES + name_bytes + length + array->bytes;
    if (next > 0xffffffff)
        return npy_bad(error, "is too large for an archive of 4 GB: write it to a .npy file");
    *stored = (Stored){crc32_add(crc32_add(0, header, length), array->data, array->bytes), (uint32_t)(length + array->bytes), (uint32_t)*offset};
    put_member(stream, "PK\3\4", stored, name_bytes);
    fprintf(stream, "%s.npy", name);
    fwrite(header, 1, length, stream);
    if (array->bytes)
        fwrite(array->data, 1, array->bytes, stream);
    *offset = next;
    return true;
}

static void put_directory(FILE *stream, const NpyArray *arrays, const Stored *stored, int count, uint64_t offset)
{
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const char *name = arrays[i].name ? arrays[i].name : "array";
        put_member(stream, "PK\1\2", &stored[i], strlen(name) + 4);
        fprintf(stream, "%s.npy", name);
        bytes += CENTRAL_BYTES + strlen(name) + 4;
    }
    fwrite("PK\5\6", 1, 4, stream);
    put(stream, 0, 4);
    put(stream, (uint64_t)count, 2);
    put(stream, (uint64_t)count, 2);
    put(stream, bytes, 4);
    put(stream, offset, 4);
    put(stream, 0, 2);
}

bool npz_write(FILE *stream, const NpyArray *arrays, int count, NpyError *error)
{
    Stored *stored = count <= MOST_MEMBERS ? calloc((size_t)count + 1, sizeof *stored) : NULL;
    if (!stored)
        return npy_bad(error, "has too many arrays for one archive");
    uint64_t offset = 0;
    bool fine = true;
    for (int i = 0; i < count && fine; i++)
        fine = store_member(stream, &arrays[i], &stored[i], &offset, error);
    if (fine)
        put_directory(stream, arrays, stored, count, offset);
    free(stored);
    return fine;
}

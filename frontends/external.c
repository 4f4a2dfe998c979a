/* Elements kept in files beside the model. Nothing is opened unless the user names a folder, and then only regular files beneath it: no absolute
   path, no "..", no symbolic link on the way, no second name (hard link) of a file that lives elsewhere. */
#include "frontends/importer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct External {
    struct External *next;
    const char *location;
    FileView view;
} External;

typedef struct Wanted {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} Wanted;

static bool refuse(Source *source, const char *where, const char *what, const char *location)
{
    complain(source->ctx, STATUS_MODEL, where, NULL, "external data '%s': %s", name_quote(source->arena, location), what);
    return false;
}

/* ---- what the tensor says ---- */

static bool decimal(ProtobufCBinaryData text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return text.len > 0;
}

static bool read_entry(Source *source, const char *where, const Onnx__StringStringEntryProto *entry, Wanted *wanted)
{
    const char *key = entry->key ? entry->key : "";
    if (strcmp(key, "location") == 0) {
        if (memchr(entry->value.data ? entry->value.data : (const uint8_t *)"", 0, entry->value.len))
            return refuse(source, where, "a zero byte in the file's name", "");
        wanted->location = arena_string(source->arena, (const char *)entry->value.data, entry->value.len);
        return true;
    }
    bool is_offset = strcmp(key, "offset") == 0, is_length = strcmp(key, "length") == 0;
    if (!is_offset && !is_length)
        return true;    /* "checksum", and what others invent */
    wanted->has_length |= is_length;
    if (decimal(entry->value, is_offset ? &wanted->offset : &wanted->length))
        return true;
    return refuse(source, where, is_offset ? "its offset is not a number" : "its length is not a number", wanted->location);
}

/* ---- opening beneath the folder ---- */

/* One step down. Links are not followed, and nothing can block. */
static int step(int folder, const char *name, bool last)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (last ? 0 : O_DIRECTORY);
    int next = openat(folder, name, flags);
    int error = errno;
    close(folder);
    errno = error;
    return next;
}

static bool plain_component(const char *name)
{
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A descriptor, or -1 with the reason. */
static int open_beneath(Source *source, const char *location, const char **reason)
{
    int at = open(source->external_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        *reason = arena_format(source->arena, "the folder of --allow-external-data cannot be opened: %s", strerror(errno));
        return -1;
    }
    char *rest = arena_string(source->arena, location, strlen(location));
    while (rest) {
        char *name = strsep(&rest, "/");
        if (!plain_component(name)) {
            close(at);
            *reason = "the name of the file must lead downwards: it is empty or absolute, or has '.' or '..' in it";
            return -1;
        }
        at = step(at, name, rest == NULL);
        if (at < 0) {
            *reason = errno == ELOOP || errno == ENOTDIR ? "symbolic links are not followed, and only folders hold files" : strerror(errno);
            return -1;
        }
    }
    return at;
}

static bool map_file(int file, FileView *view, struct stat *info, const char **reason)
{
    *reason = "it cannot be read";
    if (fstat(file, info) != 0)
        return false;
    *reason = "it is not a regular file";
    if (!S_ISREG(info->st_mode))
        return false;
    *reason = "the file has several names (hard links), so it may belong elsewhere";
    if (info->st_nlink != 1)
        return false;
    *reason = "it cannot be mapped";
    *view = (FileView){(const unsigned char *)"", (size_t)info->st_size};
    if (info->st_size > 0)
        view->data = mmap(NULL, view->size, PROT_READ, MAP_PRIVATE, file, 0);
    return view->data != MAP_FAILED;
}

/* Mapped once, however many tensors it holds; stays mapped, as the model does. */
static const External *external_file(Source *source, const char *where, const char *location)
{
    for (External *known = source->externals; known; known = known->next)
        if (strcmp(known->location, location) == 0)
            return known;
    const char *reason = NULL;
    FileView view;
    struct stat info;
    int file = open_beneath(source, location, &reason);
    bool mapped = file >= 0 && map_file(file, &view, &info, &reason);
    if (file >= 0)
        close(file);
    if (!mapped) {
        refuse(source, where, reason, location);
        return NULL;
    }
    if (view.size > 0)
        file_keep(source->ctx, &view, &info);
    External *external = arena_new_of(source->arena, External);
    *external = (External){source->externals, location, view};
    source->externals = external;
    return external;
}

bool external_load(Source *source, const char *where, const TensorProto *proto, size_t needed, const void **data)
{
    if (!source->external_folder) {
        complain(source->ctx, STATUS_UNSUPPORTED, where, "--allow-external-data DIR allows files beneath that folder", "its data is in another file");
        return false;
    }
    Wanted wanted = {.location = ""};
    for (size_t i = 0; i < proto->n_external_data; i++)
        if (!read_entry(source, where, proto->external_data[i], &wanted))
            return false;
    const External *file = external_file(source, where, wanted.location);
    if (!file)
        return false;
    if (wanted.has_length && wanted.length != needed)
        return refuse(source, where, "its length is not what its shape asks for", wanted.location);
    if (wanted.offset > file->view.size || needed > file->view.size - wanted.offset)
        return refuse(source, where, "the file is too short for its offset and shape", wanted.location);
    *data = file->view.data + wanted.offset;
    return true;
}

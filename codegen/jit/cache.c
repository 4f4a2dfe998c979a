/* Objects in the user's cache folder. A file is an object and then a seal, the hash of it and of its key, so that what is not whole, or stands under
   another's name, is not taken. */
#include "codegen/jit/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "objects"
#define ENDING ".o"
#define MOST_BYTES ((off_t)512 << 20)    /* of all objects */
#define MOST_FILE ((off_t)256 << 20)
enum { HASH = 64, NAME = HASH + sizeof ENDING };

const char *objects_key(Context *ctx, const JitPlugin *plugin, const Isa *isa, const Unit *unit)
{
    char hash[HASH + 1];
    Text text = text_new(ctx->scratch);
    text_format(&text, "%s %d %s", TULLE_VERSION, plugin->version, plugin->compiler);
    for (int i = 0; plugin->flags[i] != NULL; i++)
        text_format(&text, "\n%s", plugin->flags[i]);
    sha256_hex(unit->text, unit->length, hash);
    text_format(&text, "\n%s\n%s\n%s", isa->compiler_flags != NULL ? isa->compiler_flags : "", unit->name, hash);
    sha256_hex(text.data, text.length, hash);
    return arena_string(ctx->graph, hash, HASH);
}

static void make_name(const char *key, char name[NAME])
{
    snprintf(name, NAME, "%s" ENDING, key);
}

/* Of the object and its key together. */
static void make_seal(const char *key, const char *data, size_t length, char seal[HASH + 1])
{
    char both[2 * HASH + 1];
    sha256_hex(data, length, both);
    memcpy(both + HASH, key, HASH);
    sha256_hex(both, sizeof both - 1, seal);
}

/* ---- the folder ---- */

/* Machine code that someone else could write is not run. */
static bool ours_alone(const struct stat *status)
{
    return status->st_uid == geteuid() && (status->st_mode & 022) == 0;
}

int objects_open(Context *ctx)
{
    const char *path = cache_path(ctx->graph, FOLDER);
    const int folder = path != NULL ? cache_folder(ctx, path) : -1;
    struct stat status;
    if (folder < 0 || (fstat(folder, &status) == 0 && ours_alone(&status)))
        return folder;
    say(ctx, "note: others can write to %s: objects are neither read from there nor kept", text_quote(ctx->graph, path, strlen(path)));
    close(folder);
    return -1;
}

/* ---- reading ---- */

static bool trusted(const struct stat *status)
{
    return S_ISREG(status->st_mode) && ours_alone(status) && status->st_size > HASH && status->st_size <= MOST_FILE;
}

static bool read_all(int file, char *data, size_t size)
{
    while (size > 0) {
        const ssize_t got = read(file, data, size);
        if (got <= 0)
            return false;
        data += got;
        size -= (size_t)got;
    }
    return true;
}

static bool whole(const char *key, const JitBytes *bytes)
{
    char seal[HASH + 1];
    make_seal(key, bytes->data, bytes->length, seal);
    return memcmp(bytes->data + bytes->length, seal, HASH) == 0;
}

bool objects_read(int folder, const char *key, JitBytes *object)
{
    char name[NAME];
    make_name(key, name);
    const int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);    /* a named pipe must not block us */
    struct stat status;
    bool good = file >= 0 && fstat(file, &status) == 0 && trusted(&status);
    *object = (JitBytes){.data = good ? malloc((size_t)status.st_size) : NULL};
    if (object->data != NULL) {
        object->length = (size_t)status.st_size - HASH;
        good = read_all(file, object->data, (size_t)status.st_size) && whole(key, object);
        if (good)
            futimens(file, NULL);    /* used now */
        else
            free(object->data);
    }
    if (file >= 0)
        close(file);
    return good && object->data != NULL;
}

/* ---- writing ---- */

void objects_write(int folder, const char *key, const JitBytes *object)
{
    char name[NAME];
    char *data = object->length <= (size_t)MOST_FILE - HASH ? malloc(object->length + HASH + 1) : NULL;    /* larger ones would not be read */
    if (data == NULL)
        return;
    make_name(key, name);
    memcpy(data, object->data, object->length);
    make_seal(key, object->data, object->length, data + object->length);
    cache_write(folder, name, data, object->length + HASH);
    free(data);
}

typedef struct Entry { const char *name; off_t bytes; struct timespec used; } Entry;

static int by_use(const void *a, const void *b)
{
    const struct timespec x = ((const Entry *)a)->used, y = ((const Entry *)b)->used;
    return x.tv_sec != y.tv_sec ? (x.tv_sec > y.tv_sec) - (x.tv_sec < y.tv_sec) : (x.tv_nsec > y.tv_nsec) - (x.tv_nsec < y.tv_nsec);
}

static void remove_oldest(int folder, Entry *entries, int count, off_t bytes)
{
    qsort(entries, (size_t)count, sizeof *entries, by_use);
    for (int i = 0; i < count && bytes > MOST_BYTES; i++) {
        unlinkat(folder, entries[i].name, 0);
        bytes -= entries[i].bytes;
    }
}

/* An object, or what was to become one when a kill ended us. */
static bool ours(int folder, const char *name, struct stat *status)
{
    return strlen(name) >= NAME - 1 && memcmp(name + HASH, ENDING, sizeof ENDING - 1) == 0 && fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status->st_mode);
}

void objects_trim(Context *ctx, int folder)
{
    const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again >= 0 ? fdopendir(again) : NULL;
    Entry *entries = NULL;
    int count = 0, capacity = 0;
    off_t bytes = 0;
    struct stat status;
    if (listing == NULL)
        return;
    for (const struct dirent *at; (at = readdir(listing)) != NULL;)
        if (ours(folder, at->d_name, &status)) {
            entries = arena_grow(ctx->scratch, entries, &capacity, count, sizeof *entries);
            entries[count++] = (Entry){arena_string(ctx->scratch, at->d_name, strlen(at->d_name)), status.st_size, status.st_mtim};
            bytes += status.st_size;
        }
    if (bytes > MOST_BYTES)
        remove_oldest(folder, entries, count, bytes);
    closedir(listing);
}

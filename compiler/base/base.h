/* What every folder stands on: status codes, failing, memory, text, names, files. Includes nothing of ours. */
#ifndef TULLE_BASE_H
#define TULLE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TULLE_VERSION "0.1.0"
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

typedef struct Arena Arena;
typedef struct Context Context;

/* ---- context.c: one way to fail on the user's fault ---- */

typedef enum Status {        /* the exit codes that users are promised */
    STATUS_FINE = 0,
    STATUS_USAGE = 1,        /* wrong use of the command line, unwritable output */
    STATUS_MODEL = 2,        /* the model or a data file is bad */
    STATUS_UNSUPPORTED = 3,  /* the model is fine, tulle cannot do it (yet) */
    STATUS_MISMATCH = 4,     /* verify found a difference */
    STATUS_INTERNAL = 5      /* our own fault */
} Status;

struct Context {
    const char *file;        /* the model (or other file) being read; opens every message. NULL: none */
    Arena *graph;            /* lives as long as the graph */
    Arena *scratch;          /* reset after each pass */
    struct Unwind *unwind;   /* where fail() goes; private to context.c */
    struct Complaints *complaints;   /* told so far, private to context.c */
    Arena *arenas;           /* all that were made with this context: freed at its end, as are the files that it maps */
    struct Mapping *mappings;        /* private to file.c */
    FILE *messages;          /* where they go; NULL: stderr */
};

/* Runs work(ctx, argument); gives its status, or that of the fail() that ended it. Frees the arenas and drops unfinished outputs. */
Status context_run(Status (*work)(Context *, void *), void *argument);

/* The same in pieces, for a library: what a context holds stays from call to call, and nothing is said on stderr. A call's messages are text to be
   freed, "" if there were none. NULL, and STATUS_MODEL without a text, where there is no memory left. One call at a time. */
Context *context_open(void);
Status context_call(Context *ctx, Status (*work)(Context *, void *), void *argument, char **messages);
void context_close(Context *ctx);

/* A line for whoever ran the command, no failure. */
void say(Context *ctx, const char *format, ...) PRINTF_LIKE(2, 3);

/* Ends the command. Prints "tulle: error: FILE: WHERE: what" and, when given, "  hint: ..." to stderr. where and hint may be NULL.
   Strings from a model are passed through text_quote() by the caller that builds `where`; %s of raw model text is never used. */
_Noreturn void fail(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...) PRINTF_LIKE(5, 6);

/* The same, collected, so that all of a model's faults are told at once; fail_complaints() ends the command if there are any. */
void complain(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...) PRINTF_LIKE(5, 6);
void fail_complaints(Context *ctx);

/* ---- arena.c: memory in two lives; nothing is freed by hand ---- */

Arena *arena_new(Context *ctx, const char *name, size_t limit);  /* past the limit: fail() with STATUS_MODEL */
void arena_reset(Arena *arena);
void arena_free(Arena *arena);
size_t arena_peak(const Arena *arena);
void *arena_alloc(Arena *arena, size_t count, size_t size);      /* zeroed, 64-byte aligned when 64 bytes or more; checked multiplication */
void *arena_copy(Arena *arena, const void *data, size_t bytes);
char *arena_string(Arena *arena, const char *text, size_t length);
char *arena_format(Arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* Makes an allocation larger: in place when it was the arena's latest or is large, else by copying. What is new is zero. `old` may be NULL. */
void *arena_resize(Arena *arena, void *old, size_t old_bytes, size_t new_bytes);
/* Doubles a vector in an arena when count has reached capacity. Usage: items = arena_grow(arena, items, &capacity, count, sizeof *items); */
void *arena_grow(Arena *arena, void *items, int *capacity, int count, size_t size);
#define arena_new_of(arena, type) ((type *)arena_alloc((arena), 1, sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc((arena), (size_t)(count), sizeof(type)))

/* ---- text.c: growing text, and strings from strangers ---- */

typedef struct Text {        /* zero-terminated at all times; start with text_new */
    Arena *arena;
    char *data;
    size_t length, capacity;
} Text;

Text text_new(Arena *arena);
void text_add(Text *text, const char *piece);
void text_add_bytes(Text *text, const char *bytes, size_t length);
void text_format(Text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_vformat(Text *text, const char *format, va_list arguments);
/* A printable, bounded form of any bytes, without quotes around it, safe on a terminal, between quotes and in a C comment: control characters,
   what is not valid UTF-8, quotes and backslashes are escaped, comment marks and trigraphs broken up; cut after 120 characters with "...". */
const char *text_quote(Arena *arena, const char *bytes, size_t length);
/* Lines of a stranger, whole: what cannot be shown becomes '?', and the last line's end is gone. */
const char *text_lines(Arena *arena, const char *bytes, size_t length);
/* The length in bytes, 1 to 4, of the character that starts at `bytes`, if it can be shown as it is: printable, valid UTF-8, nothing that turns the
   direction of text. Else 0: escape one byte. */
size_t text_character(const char *bytes, size_t length);
/* The candidate nearest to `word` by edit distance, or NULL when none is near: for "did you mean". */
const char *text_nearest(const char *word, const char *const *candidates, int count);
/* The words between blanks, and NULL behind the last; `count` may be NULL. */
const char *const *text_words(Arena *arena, const char *text, int *count);

/* ---- names.c: maps from names to things ---- */

typedef struct NameMap {     /* start with name_map */
    Arena *arena;
    struct NameEntry *entries;
    size_t capacity, count;
} NameMap;

NameMap name_map(Arena *arena);
void *name_find(const NameMap *map, const char *name);           /* NULL if absent */
void **name_slot(NameMap *map, const char *name);                /* made (NULL) if absent; valid until the next call; the name is not copied */

/* ---- checked.c: sizes from strangers ---- */

bool checked_multiply(size_t a, size_t b, size_t *product);      /* false on overflow */
bool checked_add(size_t a, size_t b, size_t *sum);

/* ---- file.c: whole inputs, atomic outputs, private folders; all cleaned after fail(), exit and signals ---- */

typedef struct FileView {    /* a file mapped read-only */
    const unsigned char *data;
    size_t size;
} FileView;

/* Stays mapped as long as the context lives; STATUS_MODEL if it cannot be read. `path` becomes ctx->file, so that messages name it. */
FileView file_map(Context *ctx, const char *path);
void file_drop(Context *ctx, const FileView *view);              /* sooner than that: now it may be written, too */
struct stat;
void file_keep(Context *ctx, const FileView *view, const struct stat *status);   /* a file that was mapped otherwise goes with the context, too */

typedef struct OutputFile OutputFile;
/* Writes to a temporary name beside `path`; "-" is stdout. Refuses a file that is mapped. */
OutputFile *output_open(Context *ctx, const char *path);
FILE *output_stream(OutputFile *output);
void output_commit(OutputFile *output);                          /* flushes, checks, renames; a full disk is a fail() and leaves nothing */
void outputs_commit(OutputFile **outputs, int count);            /* several, all checked before the first is renamed */

const char *scratch_folder(Context *ctx);                        /* private, temporary, 0700; removed with all it holds at the end, also by a signal */
void scratch_remove_all(void);                                   /* called by context_run and at exit */

/* ---- cache.c: the user's cache folder, $XDG_CACHE_HOME/tulle or ~/.cache/tulle ---- */

const char *cache_path(Arena *arena, const char *name);          /* NULL if there is no such folder: neither variable is an absolute path */
int cache_folder(Context *ctx, const char *path);                /* makes it if need be, and opens it; -1 and errno if it cannot be */
/* Makes the file at once: who reads meanwhile finds a whole one, the old or the new. False, and errno, if it cannot be. Never fail()s: other threads
   may be at work. */
bool cache_write(int folder, const char *name, const void *data, size_t size);

/* ---- sha256.c ---- */

void sha256_hex(const void *data, size_t size, char hex[65]);

#endif

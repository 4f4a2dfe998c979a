/* Memory in two lives. An arena is a chain of blocks from the system, which hands out zeroed pages only when they are touched: nothing here
   touches them first, so a large allocation costs nothing until it is used. Large allocations have a block of their own. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "compiler/base/base.h"

enum { HEADER = 64, LEAST_BLOCK = 1 << 18, MOST_BLOCK = 1 << 22, LARGE = 1 << 17, HUGE = 1 << 23 };

typedef struct Block {
    struct Block *previous, *next;
    size_t size, used;       /* bytes, both with the header */
} Block;

struct Arena {
    Context *ctx;
    const char *name;
    Arena *next;             /* among the context's arenas */
    Block *current;          /* small allocations come from here; blocks before it in the chain are full */
    Block *large;            /* blocks with one allocation each */
    void *latest;            /* the last small allocation, which can still grow in place */
    size_t limit, used, peak, next_size;
};

/* With the address sanitizer, what was not handed out is poisoned, so that overruns within a block are found too. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
void __asan_poison_memory_region(void const volatile *memory, size_t bytes);     /* declared here: not every compiler comes with the header */
void __asan_unpoison_memory_region(void const volatile *memory, size_t bytes);
enum { GAP = 16 };
#define HIDE(memory, bytes) __asan_poison_memory_region(memory, bytes)
#define SHOW(memory, bytes) __asan_unpoison_memory_region(memory, bytes)
#else
enum { GAP = 0 };
#define HIDE(memory, bytes) ((void)(memory), (void)(bytes))
#define SHOW(memory, bytes) ((void)(memory), (void)(bytes))
#endif

Arena *arena_new(Context *ctx, const char *name, size_t limit)
{
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
    *arena = (Arena){.ctx = ctx, .name = name, .limit = limit, .next_size = LEAST_BLOCK};
    if (ctx) {
        arena->next = ctx->arenas;
        ctx->arenas = arena;
    }
    return arena;
}

/* ---- blocks ---- */

static _Noreturn void out_of_memory(const Arena *arena, size_t bytes, const char *why)
{
    fail(arena->ctx, STATUS_MODEL, NULL, "the model, or a tensor that it makes the compiler compute, is too large for this machine",
         "%s: %zu bytes more than the %zu in use of %s memory (%zu MiB more)", why, bytes, arena->used, arena->name, bytes >> 20);
}

static Block *block_new(const Arena *arena, size_t size)
{
    Block *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        out_of_memory(arena, size, "the system refuses memory");
    if (size >= HUGE)        /* weights, mostly: a page of 4 KB at a time, touching them takes longer than computing them; a refusal does no harm */
        madvise(block, size, MADV_HUGEPAGE);
    block->size = size;
    block->used = HEADER;
    HIDE((char *)block + HEADER, size - HEADER);
    return block;
}

static void block_push(Block **list, Block *block)
{
    block->previous = NULL;
    block->next = *list;
    if (*list)
        (*list)->previous = block;
    *list = block;
}

static void block_free(Block *block)
{
    SHOW(block, block->size);
    munmap(block, block->size);
}

static void blocks_free(Block *block)
{
    while (block) {
        Block *next = block->next;
        block_free(block);
        block = next;
    }
}

/* The first block is kept, if it was enough: most resets cost a memset of what was used. */
void arena_reset(Arena *arena)
{
    blocks_free(arena->large);
    arena->large = NULL;
    Block *kept = arena->current;
    if (kept && kept->size > LEAST_BLOCK) {
        blocks_free(kept);
        kept = NULL;
    } else if (kept) {
        SHOW((char *)kept + HEADER, kept->used - HEADER);
        memset((char *)kept + HEADER, 0, kept->used - HEADER);
        HIDE((char *)kept + HEADER, kept->size - HEADER);
        kept->used = HEADER;
    }
    arena->current = kept;
    arena->latest = NULL;
    arena->next_size = kept ? 2 * LEAST_BLOCK : LEAST_BLOCK;
    arena->used = 0;
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    blocks_free(arena->large);
    blocks_free(arena->current);
    for (Arena **link = arena->ctx ? &arena->ctx->arenas : NULL; link && *link; link = &(*link)->next)
        if (*link == arena) {
            *link = arena->next;
            break;
        }
    free(arena);
}

size_t arena_peak(const Arena *arena)
{
    return arena->peak;
}

/* ---- allocations ---- */

static void arena_count(Arena *arena, size_t bytes)
{
    size_t used;
    if (!checked_add(arena->used, bytes, &used) || used > arena->limit)
        out_of_memory(arena, bytes, "too much memory");
    arena->used = used;
    if (used > arena->peak)
        arena->peak = used;
}

static size_t aligned(size_t bytes)
{
    size_t alignment = bytes >= 64 ? 64 : 16;
    return (bytes + alignment - 1) & ~(alignment - 1);
}

static void *allocate_large(Arena *arena, size_t bytes)
{
    arena_count(arena, bytes);
    Block *block = block_new(arena, bytes + HEADER + GAP);
    block_push(&arena->large, block);
    SHOW((char *)block + HEADER, bytes);
    return (char *)block + HEADER;
}

static void *allocate_small(Arena *arena, size_t bytes)
{
    size_t alignment = bytes >= 64 ? 64 : 16, room = aligned(bytes) + GAP;
    arena_count(arena, room);
    Block *block = arena->current;
    size_t at = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;
    if (!block || at + room > block->size) {
        block = block_new(arena, arena->next_size);
        block_push(&arena->current, block);
        arena->next_size = arena->next_size < MOST_BLOCK ? 2 * arena->next_size : MOST_BLOCK;
        at = HEADER;
    }
    block->used = at + room;
    arena->latest = (char *)block + at;
    SHOW(arena->latest, bytes);
    return arena->latest;
}

void *arena_alloc(Arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(count, size, &bytes) || bytes > SIZE_MAX / 4)
        fail(arena->ctx, STATUS_MODEL, NULL, NULL, "too much memory: %zu times %zu bytes of %s memory", count, size, arena->name);
    return bytes >= LARGE ? allocate_large(arena, bytes) : allocate_small(arena, bytes ? bytes : 1);
}

#ifndef SANITIZED
static void *resize_large(Arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    Block *block = (Block *)(void *)((char *)old - HEADER);
    arena_count(arena, new_bytes - old_bytes);
    Block *moved = mremap(block, block->size, new_bytes + HEADER, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED)
        out_of_memory(arena, new_bytes, "the system refuses memory");
    moved->size = new_bytes + HEADER;
    *(moved->previous ? &moved->previous->next : &arena->large) = moved;
    if (moved->next)
        moved->next->previous = moved;
    return (char *)moved + HEADER;
}

static bool resize_latest(Arena *arena, size_t new_bytes)
{
    Block *block = arena->current;
    size_t at = (size_t)((char *)arena->latest - (char *)block), room = aligned(new_bytes);
    if (at + room > block->size || (new_bytes >= 64 && at % 64))
        return false;
    arena_count(arena, at + room - block->used);
    block->used = at + room;
    return true;
}
#endif

void *arena_resize(Arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    if (old && new_bytes <= old_bytes)
        return old;
#ifndef SANITIZED
    if (old && old_bytes >= LARGE && new_bytes <= SIZE_MAX / 4)
        return resize_large(arena, old, old_bytes, new_bytes);
    if (old && old == arena->latest && new_bytes < LARGE && resize_latest(arena, new_bytes))
        return old;
#endif
    void *fresh = arena_alloc(arena, new_bytes, 1);
    if (old)
        memcpy(fresh, old, old_bytes);
    return fresh;
}

void *arena_grow(Arena *arena, void *items, int *capacity, int count, size_t size)
{
    if (count < *capacity)
        return items;
    if (*capacity > INT32_MAX / 2)
        fail(arena->ctx, STATUS_MODEL, NULL, NULL, "too many items for %s memory: over %d", arena->name, *capacity);
    int larger = *capacity ? 2 * *capacity : 8;
    size_t bytes;
    if (!checked_multiply((size_t)larger, size, &bytes))
        fail(arena->ctx, STATUS_MODEL, NULL, NULL, "too much memory: %d times %zu bytes of %s memory", larger, size, arena->name);
    items = arena_resize(arena, items, (size_t)*capacity * size, bytes);
    *capacity = larger;
    return items;
}

void *arena_copy(Arena *arena, const void *data, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes, 1);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

char *arena_string(Arena *arena, const char *text, size_t length)
{
    size_t bytes;
    if (!checked_add(length, 1, &bytes))
        fail(arena->ctx, STATUS_MODEL, NULL, NULL, "a string of %zu bytes is too long", length);
    char *copy = arena_alloc(arena, bytes, 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_format(Arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        fail(arena->ctx, STATUS_INTERNAL, NULL, NULL, "a message cannot be formatted");
    char *text = arena_alloc(arena, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

/* Memory in two lives. Small pieces come from blocks, large ones have a block of their own, straight from the system and
   untouched until used, so that peak memory is what is really needed. */
#include "compiler/base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_BYTES ((size_t)1 << 18)
#define ALIGNMENT ((size_t)64)

typedef struct Block {
    struct Block *next;
    size_t mapped, used;     /* bytes, this header included */
} Block;

struct Arena {
    Context *ctx;
    const char *name;
    size_t limit, total, peak;
    Block *blocks;           /* the first one is being filled */
};

Arena *arena_new(Context *ctx, const char *name, size_t limit)
{
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "out of memory");
    *arena = (Arena){.ctx = ctx, .name = name, .limit = limit};
    return arena;
}

void arena_reset(Arena *arena)
{
    while (arena->blocks) {
        Block *block = arena->blocks;
        arena->blocks = block->next;
        munmap(block, block->mapped);
    }
    arena->total = 0;
}

void arena_free(Arena *arena)
{
    if (arena)
        arena_reset(arena);
    free(arena);
}

size_t arena_peak(const Arena *arena)
{
    return arena->peak;
}

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static _Noreturn void refuse(Arena *arena, size_t wanted)
{
    fail(arena->ctx, STATUS_MODEL, NULL, "the model asks for tensors larger than this machine can hold",
         "out of memory: %zu more bytes wanted for %s, %zu already in use, limit %zu", wanted, arena->name, arena->total, arena->limit);
}

static Block *add_block(Arena *arena, size_t bytes)
{
    size_t mapped = round_up(bytes + round_up(sizeof(Block), ALIGNMENT), 4096);
    if (mapped < bytes || mapped > arena->limit - arena->total)
        refuse(arena, bytes);
    Block *block = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        refuse(arena, bytes);
    *block = (Block){.mapped = mapped, .used = round_up(sizeof(Block), ALIGNMENT)};
    arena->total += mapped;
    if (arena->total > arena->peak)
        arena->peak = arena->total;
    return block;
}

static void *own_block(Arena *arena, size_t bytes)
{
    Block *block = add_block(arena, bytes);
    block->used += bytes;
    /* Behind the first, which still has room. */
    Block **place = arena->blocks ? &arena->blocks->next : &arena->blocks;
    block->next = *place;
    *place = block;
    return (char *)block + round_up(sizeof(Block), ALIGNMENT);
}

void *arena_alloc(Arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(count, size, &bytes) || bytes > SIZE_MAX / 2)
        refuse(arena, SIZE_MAX);
    if (bytes > BLOCK_BYTES / 4)
        return own_block(arena, bytes);
    size_t unit = bytes >= ALIGNMENT ? ALIGNMENT : 16;
    Block *block = arena->blocks;
    if (!block || round_up(block->used, unit) + bytes > block->mapped) {
        block = add_block(arena, BLOCK_BYTES);
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *piece = (char *)block + round_up(block->used, unit);
    block->used = round_up(block->used, unit) + bytes;
    return piece;
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
    char *copy = arena_alloc(arena, length + 1, 1);
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
    char *text = arena_alloc(arena, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void *arena_grow(Arena *arena, void *items, int *capacity, int count, size_t size)
{
    if (count < *capacity)
        return items;
    if (*capacity > INT32_MAX / 2)
        refuse(arena, SIZE_MAX);
    *capacity = *capacity ? 2 * *capacity : 8;
    void *larger = arena_alloc(arena, (size_t)*capacity, size);
    if (count)
        memcpy(larger, items, (size_t)count * size);
    return larger;
}

/* Maps from names to things, by open addressing; and names that nobody else has. */
#include "frontends/importer.h"

#include <string.h>

typedef struct NameEntry {
    const char *name;
    uint64_t hash;
    void *item;
} NameEntry;

NameMap name_map(Arena *arena)
{
    return (NameMap){.arena = arena};
}

static uint64_t hash_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++)
        hash = (hash ^ *byte) * 0x100000001b3u;
    hash ^= hash >> 32;
    return hash * 0x9e3779b97f4a7c15u;
}

/* The entry of that name, or the free one where it belongs. */
static NameEntry *entry_of(const NameMap *map, const char *name, uint64_t hash)
{
    size_t at = (size_t)(hash >> 20) & (map->capacity - 1);
    while (map->entries[at].name && (map->entries[at].hash != hash || strcmp(map->entries[at].name, name) != 0))
        at = (at + 1) & (map->capacity - 1);
    return &map->entries[at];
}

static void grow(NameMap *map)
{
    NameMap larger = {.arena = map->arena, .capacity = map->capacity ? map->capacity * 2 : 16, .count = map->count};
    larger.entries = arena_array(map->arena, NameEntry, larger.capacity);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].name)
            *entry_of(&larger, map->entries[i].name, map->entries[i].hash) = map->entries[i];
    *map = larger;
}

void *name_find(const NameMap *map, const char *name)
{
    return map->capacity ? entry_of(map, name, hash_of(name))->item : NULL;
}

void **name_slot(NameMap *map, const char *name)
{
    if (2 * map->count >= map->capacity)
        grow(map);
    uint64_t hash = hash_of(name);
    NameEntry *entry = entry_of(map, name, hash);
    if (!entry->name) {
        *entry = (NameEntry){name, hash, NULL};
        map->count++;
    }
    return &entry->item;
}

/* An item here is the number that the next namesake may try, as a pointer: a thousand namesakes take a thousand steps, not a million. */
const char *name_unique(NameMap *taken, const char *candidate)
{
    void **slot = name_slot(taken, candidate);
    uintptr_t next = (uintptr_t)*slot;
    if (next == 0) {
        *slot = (void *)(uintptr_t)2;
        return candidate;
    }
    const char *name;
    do
        name = arena_format(taken->arena, "%s#%llu", candidate, (unsigned long long)next++);
    while (name_find(taken, name));
    *name_slot(taken, candidate) = (void *)next;
    *name_slot(taken, name) = (void *)(uintptr_t)2;
    return name;
}

void name_release(NameMap *taken, const char *name)
{
    *name_slot(taken, name) = NULL;
}

const char *name_quote(Arena *arena, const char *name)
{
    return name ? text_quote(arena, name, strlen(name)) : "";
}

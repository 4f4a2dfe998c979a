/* Maps from names to things, by open addressing. The hash has a key that nobody knows beforehand: else a model could be made whose hundred
   thousand names all want the same place. Nothing walks over a map, so the key never shows. */
#include <string.h>
#include <sys/random.h>

#include "compiler/base/base.h"

typedef struct NameEntry {
    const char *name;
    uint64_t hash;
    void *thing;
} NameEntry;

static const uint64_t *secret(void)
{
    static uint64_t key[2];
    if (!key[0] && getrandom(key, sizeof key, GRND_NONBLOCK) != sizeof key)
        key[0] = (uintptr_t)__builtin_frame_address(0);      /* early at boot; where the stack lies is some secret too */
    key[0] |= 1;
    return key;
}

/* Both halves of a product of 128 bits: each bit of `a` reaches the whole result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const char *name)
{
    const uint64_t *key = secret();
    size_t length = strlen(name);
    uint64_t hash = key[0] ^ length, word;
    for (; length >= sizeof word; name += sizeof word, length -= sizeof word) {
        memcpy(&word, name, sizeof word);
        hash = mix(hash ^ word, key[1] | 1) + key[0];
    }
    word = 0;
    memcpy(&word, name, length);
    return mix(hash ^ word, 0x9e3779b97f4a7c15u) + key[1];
}

NameMap name_map(Arena *arena)
{
    return (NameMap){.arena = arena};
}

/* The entry of that name, or the free one where it belongs; the map is never full. */
static NameEntry *entry_of(const NameMap *map, const char *name, uint64_t hash)
{
    size_t at = (size_t)hash & (map->capacity - 1);
    while (map->entries[at].name && (map->entries[at].hash != hash || strcmp(map->entries[at].name, name) != 0))
        at = (at + 1) & (map->capacity - 1);
    return &map->entries[at];
}

static void grow(NameMap *map)
{
    NameMap larger = {.arena = map->arena, .capacity = map->capacity ? 2 * map->capacity : 16, .count = map->count};
    larger.entries = arena_array(map->arena, NameEntry, larger.capacity);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].name)
            *entry_of(&larger, map->entries[i].name, map->entries[i].hash) = map->entries[i];
    *map = larger;
}

void *name_find(const NameMap *map, const char *name)
{
    return map->capacity ? entry_of(map, name, hash_of(name))->thing : NULL;
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
    return &entry->thing;
}

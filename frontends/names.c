/* Names that nobody else has, and names as messages show them. */
#include "frontends/importer.h"

#include <string.h>

/* A thing here is the number that the next namesake may try, as a pointer: a thousand namesakes take a thousand steps, not a million. */
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

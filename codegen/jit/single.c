/* One unit, compiled or read to be looked at and not to be loaded: for any target that LLVM has. */
#include "codegen/jit/jit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/jit/cache.h"

static const JitPlugin *plugin_needed(Context *ctx)
{
    const char *why = NULL;
    const JitPlugin *plugin = jit_plugin(ctx, &why);
    if (plugin == NULL)
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s", why);
    return plugin;
}

static const char *const *flags_of(Context *ctx, const Isa *isa)
{
    const char *flags = isa->compiler_flags != NULL ? isa->compiler_flags : "";
    return text_words(ctx->graph, isa_foreign(isa) ? arena_format(ctx->graph, "%s --target=%s-linux-gnu", flags, isa->architecture) : flags, NULL);
}

const JitBytes *jit_compile(Context *ctx, const Isa *isa, const Units *units, int number, JitForm form)
{
    const JitPlugin *plugin = plugin_needed(ctx);
    const Unit *unit = &units->items[number];
    JitBytes messages = {0}, result = {0}, *kept = arena_new_of(ctx->graph, JitBytes);
    JitHead *head = plugin->head(flags_of(ctx, isa), units->includes, &messages);
    if (head == NULL)
        jit_fail(ctx, plugin, "compiling the vector headers", messages.data);
    const bool good = plugin->compile(head, unit->name, unit->text, unit->length, form, &result, &messages);
    plugin->head_free(head);
    if (!good)
        jit_fail_unit(ctx, plugin, unit, messages.data);
    *kept = (JitBytes){arena_string(ctx->graph, result.data, result.length), result.length};
    plugin->release(&result);
    return kept;
}

/* Moves what was malloc()ed into the context. */
static const JitBytes *keep(Context *ctx, JitBytes *bytes)
{
    JitBytes *kept = arena_new_of(ctx->graph, JitBytes);
    *kept = (JitBytes){arena_string(ctx->graph, bytes->data, bytes->length), bytes->length};
    free(bytes->data);
    return kept;
}

const JitBytes *jit_object(Context *ctx, const Isa *isa, const Units *units, int number, bool no_cache)
{
    const int folder = no_cache ? -1 : objects_open(ctx);
    if (folder < 0)
        return jit_compile(ctx, isa, units, number, JIT_OBJECT);
    const char *key = objects_key(ctx, plugin_needed(ctx), isa, &units->items[number]);
    JitBytes object;
    const JitBytes *result;
    if (objects_read(folder, key, &object)) {
        result = keep(ctx, &object);
    } else {
        result = jit_compile(ctx, isa, units, number, JIT_OBJECT);
        objects_write(folder, key, result);
        objects_trim(ctx, folder);
    }
    close(folder);
    jit_check_object(ctx, plugin_needed(ctx), &units->items[number], result->data, result->length);
    return result;
}

const JitListing *jit_list(Context *ctx, const JitBytes *object, const char *core)
{
    const JitPlugin *plugin = plugin_needed(ctx);
    JitBytes messages = {0};
    const JitListing *listing = plugin->list(object->data, object->length, core, &messages);
    if (listing == NULL)
        jit_fail(ctx, plugin, "reading what was compiled", messages.data);
    return listing;
}

void jit_list_free(Context *ctx, const JitListing *listing)
{
    plugin_needed(ctx)->list_free(listing);
}

bool jit_throughput(Context *ctx, const JitListing *listing, int function, size_t first, size_t count, JitThroughput *throughput, const char **why)
{
    const JitPlugin *plugin = plugin_needed(ctx);
    JitBytes messages = {0};
    if (plugin->throughput(listing, function, first, count, throughput, &messages))
        return true;
    *why = messages.data != NULL ? text_quote(ctx->graph, messages.data, strlen(messages.data)) : "it said nothing";
    plugin->release(&messages);
    return false;
}

/* ---- by libclang ---- */

static const char *copied(Context *ctx, const char *text)
{
    return arena_string(ctx->graph, text, strlen(text));
}

const char *jit_read(Context *ctx, const Isa *isa, const char *path, const char *text, size_t length, JitReading *reading)
{
    const JitPlugin *plugin = plugin_needed(ctx);
    JitBytes messages = {0};
    JitReading found = {0};
    const bool good = plugin->read(flags_of(ctx, isa), path, text, length, &found, &messages) != 0;
    const char *fault = good ? NULL : copied(ctx, messages.data != NULL ? messages.data : "libclang does not read it");
    *reading = (JitReading){.count = good ? found.count : 0};
    reading->facts = arena_copy(ctx->graph, found.facts, sizeof *found.facts * (size_t)reading->count);
    for (int i = 0; i < reading->count; i++) {
        JitFact *fact = &reading->facts[i];
        fact->name = copied(ctx, fact->name);
        fact->type = copied(ctx, fact->type);
        fact->text = copied(ctx, fact->text);
    }
    plugin->reading_free(&found);
    plugin->release(&messages);
    return fault;
}

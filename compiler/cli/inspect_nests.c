/* The loops of a layer's text, as libclang reads them: how often each runs, or what its bound comes from; and the arrays around them. */
#include "compiler/cli/inspect.h"

#include <string.h>

typedef struct Nests {
    JitReading reading;
    int first_line;                  /* of the layer's own text, behind the vocabulary */
} Nests;

static Nests nests_of(const Inspection *inspection)
{
    Context *ctx = inspection->ctx;
    const Unit *unit = inspection->unit;
    Nests nests = {.first_line = 1};
    const char *fault = jit_read(ctx, &inspection->plan->target->isa, unit->name, unit->text, unit->length, &nests.reading);
    if (fault != NULL)
        fail(ctx, STATUS_INTERNAL, NULL, "this is a fault of tulle: please report it", "libclang does not read the layer's text: %s",
             text_quote(ctx->graph, fault, strlen(fault)));
    for (size_t at = 0; at < unit->own; at++)
        nests.first_line += unit->text[at] == '\n';
    return nests;
}

static const char *source_of(unsigned from)
{
    static const char *const sources[] = {"constants", "a share of the work", "a table", "a share and a table"};
    return from & FROM_ELSEWHERE ? "unknown" : sources[from & (FROM_SHARE | FROM_TABLE)];
}

/* "96 times", "by a share of the work". */
static const char *times_text(Arena *arena, const JitFact *fact)
{
    if (fact->trips >= 0)
        return arena_format(arena, "%lld time%s", fact->trips, fact->trips == 1 ? "" : "s");
    return arena_format(arena, "%s%s", fact->from & FROM_ELSEWHERE ? "" : "by ", source_of(fact->from));
}

static const char *extents_text(Arena *arena, const JitFact *fact)
{
    Text text = text_new(arena);
    for (int i = 0; i < fact->rank; i++)
        text_format(&text, fact->extents[i] < 0 ? "[]" : "[%lld]", fact->extents[i]);
    return text.data;
}

/* "const int [12]" without the extents, that stand behind the name; of pointers to functions the extents are in the middle, and stay. */
static const char *element_text(Arena *arena, const JitFact *fact)
{
    const char *bracket = fact->rank > 0 && strchr(fact->type, '(') == NULL ? strchr(fact->type, '[') : NULL;
    size_t length = bracket != NULL ? (size_t)(bracket - fact->type) : strlen(fact->type);
    while (length > 0 && fact->type[length - 1] == ' ')
        length--;
    return arena_string(arena, fact->type, length);
}

static bool shown(const Nests *nests, const JitFact *fact)
{
    return fact->line >= nests->first_line && fact->kind != FACT_CALL && (fact->kind != FACT_FUNCTION || fact->end_line > fact->line);
}

static void print_fact(Arena *arena, const JitFact *fact)
{
    const int indent = 2 * (fact->depth + (fact->function >= 0));
    switch (fact->kind) {
    case FACT_FUNCTION: printf("%s, lines %d to %d of 'source'\n", fact->name, fact->line, fact->end_line); break;
    case FACT_LOOP: printf("%*s%-*s  %s\n", indent, "", 70 - indent, fact->text, times_text(arena, fact)); break;
    case FACT_ARRAY: case FACT_STATIC:
        printf("%*s%s%s %s%s\n", indent, "", fact->kind == FACT_STATIC && fact->function >= 0 ? "static " : "", element_text(arena, fact), fact->name,
               strchr(fact->type, '(') == NULL ? extents_text(arena, fact) : "");
        break;
    case FACT_ASSEMBLER: printf("%*sassembler, lines %d to %d\n", indent, "", fact->line, fact->end_line); break;
    case FACT_CALL: break;
    }
}

void inspect_nests(const Inspection *inspection)
{
    const Nests nests = nests_of(inspection);
    for (int i = 0; i < nests.reading.count; i++)
        if (shown(&nests, &nests.reading.facts[i]))
            print_fact(inspection->ctx->graph, &nests.reading.facts[i]);
}

/* ---- JSON ---- */

static void add_loop(JsonWriter *json, const JitFact *fact)
{
    json_open(json, NULL, '{');
    json_add_string(json, "text", fact->text);
    json_add_number(json, "line", fact->line);
    json_add_number(json, "depth", fact->depth);
    if (fact->trips >= 0)
        json_add_number(json, "trips", (double)fact->trips);
    else
        json_add_string(json, "bound", source_of(fact->from));
    json_close(json);
}

static void add_array(JsonWriter *json, Arena *arena, const JitFact *fact)
{
    json_open(json, NULL, '{');
    json_add_string(json, "name", fact->name);
    json_add_string(json, "type", element_text(arena, fact));
    json_add_bool(json, "static", fact->kind == FACT_STATIC);
    json_open(json, "extents", '[');
    for (int i = 0; i < fact->rank; i++)
        json_add_number(json, NULL, (double)fact->extents[i]);
    json_close(json);
    json_close(json);
}

static void add_function(JsonWriter *json, Arena *arena, const JitReading *reading, int function)
{
    json_open(json, NULL, '{');
    json_add_string(json, "name", reading->facts[function].name);
    json_add_string(json, "type", reading->facts[function].type);
    json_open(json, "loops", '[');
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_LOOP && reading->facts[i].function == function)
            add_loop(json, &reading->facts[i]);
    json_close(json);
    json_open(json, "arrays", '[');
    for (int i = 0; i < reading->count; i++)
        if ((reading->facts[i].kind == FACT_ARRAY || reading->facts[i].kind == FACT_STATIC) && reading->facts[i].function == function)
            add_array(json, arena, &reading->facts[i]);
    json_close(json);
    json_close(json);
}

void inspect_nests_json(const Inspection *inspection, JsonWriter *json)
{
    const Nests nests = nests_of(inspection);
    const JitReading *reading = &nests.reading;
    json_open(json, "functions", '[');
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_FUNCTION && shown(&nests, &reading->facts[i]))
            add_function(json, inspection->ctx->graph, reading, i);
    json_close(json);
    json_open(json, "tables", '[');
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_STATIC && reading->facts[i].function < 0 && shown(&nests, &reading->facts[i]))
            add_array(json, inspection->ctx->graph, &reading->facts[i]);
    json_close(json);
}

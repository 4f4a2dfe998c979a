/* What is pasted into generated files is what is compiled in: every function of the reference, written to a file as generated code has it,
   compiled by each compiler there is under its strictest flags, gives the same bits, whatever shares its items are done in. */
#include "cases.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

typedef struct Names {
    FILE *out;
    Arena *arena;
    const char **names;
    int count, capacity;
} Names;

static bool known(const Names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return false;
}

static void write_function(const ReferenceCall *call, FILE *out)
{
    for (int i = 0; i < call->define_count; i++)
        fprintf(out, "#define %s %s\n", call->defines[i].name, call->defines[i].value);
    fputs(call->text, out);
    for (int i = 0; i < call->define_count; i++)
        fprintf(out, "#undef %.*s\n", (int)strcspn(call->defines[i].name, "("), call->defines[i].name);
}

static void write_case(Case *one, void *argument)
{
    Names *names = argument;
    const char *why = NULL;
    if (!reference_supports(one->node, &why))
        case_fails("%s\nis not supported: %s", one->text, why);
    for (int part = 0; part < reference_parts(one->node); part++) {
        ReferenceCall call;
        reference_call(one->graph, one->node, part, one->graph->ctx->scratch, &call);
        if (known(names, call.function))
            continue;
        write_function(&call, names->out);
        names->names = arena_grow(names->arena, names->names, &names->capacity, names->count, sizeof *names->names);
        names->names[names->count++] = arena_string(names->arena, call.function, strlen(call.function));
    }
}

static void write_all(Context *ctx, const char *path)
{
    Names names = {.out = fopen(path, "w"), .arena = ctx->graph};
    assert_non_null(names.out);
    fprintf(names.out, "#include <stddef.h>\n#include <stdint.h>\n%s", reference_prelude());
    assert_true(cases_run(ctx, write_case, &names) > 900);
    fprintf(names.out, "typedef void Function(const int64_t *, const double *, const void *const *, void *const *, int64_t, int64_t);\n"
                       "struct entry { const char *name; Function *run; };\n"
                       "extern const struct entry functions[];\nconst struct entry functions[] = {\n");
    for (int i = 0; i < names.count; i++)
        fprintf(names.out, "{\"%s\", %s},\n", names.names[i], names.names[i]);
    fprintf(names.out, "{NULL, NULL}};\n");
    assert_int_equal(fclose(names.out), 0);
}

/* ---- comparing ---- */

typedef struct Pasted {
    const struct { const char *name; ReferenceFunction *run; } *functions;
} Pasted;

static ReferenceFunction *pasted_function(const Pasted *pasted, const char *name)
{
    for (int i = 0; pasted->functions[i].name; i++)
        if (strcmp(pasted->functions[i].name, name) == 0)
            return pasted->functions[i].run;
    case_fails("%s was not pasted", name);
    return NULL;
}

/* NaNs are alike, whatever their bits. */
static void expect_same(const Case *one, int output, const void *expected, const void *found)
{
    const Value *value = one->node->outputs[output];
    size_t size = (size_t)type_info(value->type)->bytes;
    bool real = value->type == TYPE_F32 || value->type == TYPE_F64;
    for (int64_t i = 0; i < shape_count(&value->shape); i++) {
        double a = element_get(expected, value->type, i), b = element_get(found, value->type, i);
        if (memcmp((const char *)expected + (size_t)i * size, (const char *)found + (size_t)i * size, size) != 0 && !(real && a != a && b != b))
            case_fails("%s\noutput %d, element %lld: %.17g compiled in, %.17g pasted", one->text, output, (long long)i, a, b);
    }
}

static void run_part(const Case *one, const Pasted *pasted, int part, void *const *results)
{
    int in_indices[REFERENCE_MOST], out_indices[REFERENCE_MOST];
    const void *in[REFERENCE_MOST];
    void *out[REFERENCE_MOST];
    ReferenceCall call;
    bool wanted = false;
    reference_call(one->graph, one->node, part, one->graph->ctx->scratch, &call);
    int in_count = reference_inputs(one->node, part, in_indices, REFERENCE_MOST);
    int out_count = reference_outputs(one->node, part, out_indices, REFERENCE_MOST);
    for (int i = 0; i < in_count; i++)
        in[i] = in_indices[i] < 0 ? NULL : one->inputs[in_indices[i]];
    for (int i = 0; i < out_count; i++) {
        out[i] = out_indices[i] < 0 ? NULL : results[out_indices[i]];
        wanted = wanted || out[i];
    }
    ReferenceFunction *run = pasted_function(pasted, call.function);
    for (int share = 0; share < 3 && wanted; share++)
        run(call.p_count ? call.p : NULL, call.r_count ? call.r : NULL, in, out, call.items * share / 3, call.items * (share + 1) / 3);
}

static void compare_case(Case *one, void *argument)
{
    void *results[8] = {NULL};
    assert_true(one->node->output_count <= COUNT(results));
    for (int i = 0; i < one->node->output_count; i++) {
        results[i] = one->outputs[i] ? malloc(one->output_bytes[i]) : NULL;
        if (results[i])
            memset(results[i], 0xee, one->output_bytes[i]);
    }
    reference_run(one->graph, one->node, one->inputs, one->outputs, NULL, NULL, one->graph->ctx->scratch);
    for (int part = 0; part < reference_parts(one->node); part++)
        run_part(one, argument, part, results);
    for (int i = 0; i < one->node->output_count; i++)
        if (results[i])
            expect_same(one, i, one->outputs[i], results[i]);
    for (int i = 0; i < one->node->output_count; i++)
        free(results[i]);
}

static void compare_with(Context *ctx, const char *compiler, const char *source)
{
    const char *library = arena_format(ctx->graph, "%s.%s.so", source, compiler);
    const char *command = arena_format(ctx->graph, "%s -std=gnu11 -O1 -Wall -Wextra -Wconversion -Werror -ffp-contract=off -fPIC -shared "
                                                  "-o %s %s -lm",
                                       compiler, library, source);
    if (system(command) != 0)
        case_fails("failed: %s", command);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    Pasted pasted = {dlsym(handle, "functions")};
    assert_non_null(pasted.functions);
    cases_run(ctx, compare_case, &pasted);
    dlclose(handle);
}

static Status compare(Context *ctx, void *argument)
{
    static const char *const compilers[] = {"gcc", "clang-19"};
    const char *source = arena_format(ctx->graph, "%s/all.c", scratch_folder(ctx));
    int found = 0;
    (void)argument;
    write_all(ctx, source);
    for (int i = 0; i < COUNT(compilers); i++) {
        if (system(arena_format(ctx->graph, "command -v %s > /dev/null", compilers[i])) == 0) {
            compare_with(ctx, compilers[i], source);
            found++;
        }
    }
    assert_true(found > 0);
    return STATUS_FINE;
}

static void pasted_functions_compile_cleanly_and_give_the_same_bits(void **state)
{
    (void)state;
    assert_int_equal(context_run(compare, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pasted_functions_compile_cleanly_and_give_the_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

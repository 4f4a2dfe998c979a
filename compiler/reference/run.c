/* Running nodes through the functions that are compiled in: for folding and verify. */
#include "internal.h"

#include <stdint.h>

/* Texts load whole elements; a constant in a mapped model may lie at any address. */
const void *reference_aligned(const Value *value, const void *data, Arena *arena)
{
    size_t size = (size_t)type_info(value->type)->bytes;
    if (!data || (uintptr_t)data % size == 0)
        return data;
    return arena_copy(arena, data, (size_t)shape_count(&value->shape) * size);
}

static void run_part(const Graph *graph, const Node *node, int part, const void *const *inputs, void *const *outputs, Arena *arena)
{
    int in_indices[REFERENCE_MOST], out_indices[REFERENCE_MOST];
    const void *in[REFERENCE_MOST];
    void *out[REFERENCE_MOST];
    ReferenceCall call;
    reference_call(graph, node, part, arena, &call);
    int in_count = reference_inputs(node, part, in_indices, REFERENCE_MOST);
    int out_count = reference_outputs(node, part, out_indices, REFERENCE_MOST);
    for (int i = 0; i < in_count; i++)
        in[i] = in_indices[i] < 0 ? NULL : reference_aligned(node->inputs[in_indices[i]], inputs[in_indices[i]], arena);
    bool wanted = false;
    for (int i = 0; i < out_count; i++) {
        out[i] = out_indices[i] < 0 ? NULL : outputs[out_indices[i]];
        wanted = wanted || out[i];
    }
    if (wanted && call.items > 0)
        call.run(call.p, call.r, in, out, 0, call.items);
}

/* An epilogue's node reads and writes its host's result in place. */
static void run_epilogue(const Graph *graph, const Node *node, void *data, const void *(*operand)(void *user, const Value *value), void *user,
                         Arena *arena)
{
    const void **inputs = arena_array(arena, const void *, node->input_count);
    inputs[0] = data;
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i])
            inputs[i] = operand(user, node->inputs[i]);
    run_part(graph, node, 0, inputs, &data, arena);
}

void reference_run(const Graph *graph, const Node *node, const void *const *inputs, void *const *outputs,
                   const void *(*operand)(void *user, const Value *value), void *user, Arena *arena)
{
    for (int part = 0; part < reference_parts(node); part++)
        run_part(graph, node, part, inputs, outputs, arena);
    for (int i = 0; i < node->epilogue_count; i++)
        run_epilogue(graph, node->epilogue[i], outputs[0], operand, user, arena);
}

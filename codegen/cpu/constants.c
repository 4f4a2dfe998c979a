/* Constant weights as the kernels want them: at any address, biases filled up, offsets in the smallest type that holds them. */
#include "codegen/cpu/cpu.h"

#include <string.h>

bool weights_constant(const Node *node)
{
    return value_constant(node->inputs[1]) && (node->input_count < 3 || node->inputs[2] == NULL || value_constant(node->inputs[2]));
}

const float *weights_bias(const Node *node, int64_t count, int64_t multiple, Arena *arena)
{
    float *bias = arena_array(arena, float, (count + multiple - 1) / multiple * multiple);
    if (node->input_count > 2 && node->inputs[2])
        memcpy(bias, node->inputs[2]->data, (size_t)count * sizeof *bias);
    return bias;
}

const char *offset_type(int64_t largest)
{
    return largest <= UINT16_MAX ? "uint16_t" : "int32_t";
}

int packed_offsets(Packed *packed, const int64_t *offsets, int64_t count, int64_t largest)
{
    if (largest <= UINT16_MAX) {
        uint16_t *narrow = arena_array(packed->arena, uint16_t, count);
        for (int64_t i = 0; i < count; i++)
            narrow[i] = (uint16_t)offsets[i];
        return packed_add(packed, "uint16_t", narrow, (size_t)count * sizeof *narrow);
    }
    int32_t *wide = arena_array(packed->arena, int32_t, count);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (int32_t)offsets[i];
    return packed_add(packed, "int32_t", wide, (size_t)count * sizeof *wide);
}

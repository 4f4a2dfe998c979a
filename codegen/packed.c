/* The constants of one layer while it is written: where pack() puts them and emit() finds them. */
#include "codegen/kernel.h"

static int add(Packed *packed, PackedArray array)
{
    packed->arrays = arena_grow(packed->arena, packed->arrays, &packed->capacity, packed->count, sizeof *packed->arrays);
    packed->arrays[packed->count] = array;
    return packed->count++;
}

int packed_add(Packed *packed, const char *c_type, const void *data, size_t bytes)
{
    return add(packed, (PackedArray){.data = data, .bytes = bytes, .c_type = c_type});
}

int packed_value(Packed *packed, const Value *constant)
{
    for (int i = 0; i < packed->count; i++)
        if (packed->arrays[i].value == constant)
            return i;
    size_t bytes = 0;
    shape_bytes(&constant->shape, constant->type, &bytes);
    return add(packed, (PackedArray){.data = constant->data, .bytes = bytes, .c_type = type_info(constant->type)->c_name, .value = constant});
}

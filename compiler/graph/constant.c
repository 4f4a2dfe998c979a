/* Elements of constants, of any type and at any alignment, as numbers. */
#include "compiler/graph/graph.h"

#include <math.h>
#include <string.h>

bool constant_readable(const Value *value)
{
    return value_constant(value) && value->type != TYPE_F16 && value->type != TYPE_BF16;
}

#define READ(kind) { kind element; memcpy(&element, at, sizeof element); return element; }

int64_t constant_int(const Value *value, int64_t index)
{
    const unsigned char *at = (const unsigned char *)value->data + index * type_info(value->type)->bytes;
    switch (value->type) {
    case TYPE_I8: READ(int8_t)
    case TYPE_I16: READ(int16_t)
    case TYPE_I32: READ(int32_t)
    case TYPE_I64: READ(int64_t)
    case TYPE_U8: case TYPE_BOOL: READ(uint8_t)
    case TYPE_U16: READ(uint16_t)
    case TYPE_U32: READ(uint32_t)
    case TYPE_U64: { uint64_t element; memcpy(&element, at, sizeof element); return element > INT64_MAX ? INT64_MAX : (int64_t)element; }
    default: {
        double real = constant_real(value, index);
        return real >= 9223372036854775808.0 ? INT64_MAX : real <= -9223372036854775808.0 ? INT64_MIN : real != real ? 0 : (int64_t)real;
    }
    }
}

double constant_real(const Value *value, int64_t index)
{
    const unsigned char *at = (const unsigned char *)value->data + index * type_info(value->type)->bytes;
    switch (value->type) {
    case TYPE_F32: READ(float)
    case TYPE_F64: READ(double)
    case TYPE_U64: { uint64_t element; memcpy(&element, at, sizeof element); return (double)element; }
    case TYPE_F16: case TYPE_BF16: case TYPE_UNKNOWN: case TYPE_COUNT: return NAN;
    default: return (double)constant_int(value, index);
    }
}

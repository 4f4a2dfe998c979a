/* Cast between every two types. */
#include "internal.h"

extern const char reference_text_cast[];
#include "text/prelude.h"

/* How an element becomes a value, by its class. */
#define VALUE_OF_REAL(v) (double)(v)
#define VALUE_OF_F16(v) ref_from_f16(v)
#define VALUE_OF_BF16(v) ref_from_bf16(v)
#define VALUE_OF_SIGNED(v) (v)
#define VALUE_OF_UNSIGNED(v) (v)

/* What a value becomes. Real to whole is limited to the type, whole to whole wraps. */
#define KIND_REAL REAL
#define KIND_F16 REAL
#define KIND_BF16 REAL
#define KIND_SIGNED WHOLE
#define KIND_UNSIGNED WHOLE
#define REAL_TO_f32(v) (float)(v)
#define REAL_TO_f64(v) (double)(v)
#define REAL_TO_f16(v) ref_to_half((double)(v), 10)
#define REAL_TO_bf16(v) ref_to_half((double)(v), 7)
#define REAL_TO_i8(v) (int8_t)ref_limit(v, INT8_MIN, INT8_MAX)
#define REAL_TO_i16(v) (int16_t)ref_limit(v, INT16_MIN, INT16_MAX)
#define REAL_TO_i32(v) (int32_t)ref_limit(v, INT32_MIN, INT32_MAX)
#define REAL_TO_i64(v) ref_to_i64(v)
#define REAL_TO_u8(v) (uint8_t)ref_limit(v, 0, UINT8_MAX)
#define REAL_TO_u16(v) (uint16_t)ref_limit(v, 0, UINT16_MAX)
#define REAL_TO_u32(v) (uint32_t)ref_limit(v, 0, UINT32_MAX)
#define REAL_TO_u64(v) ref_to_u64(v)
#define REAL_TO_boolean(v) (uint8_t)((v) != 0)
#define WHOLE_TO_f32(v) (float)(v)
#define WHOLE_TO_f64(v) (double)(v)
#define WHOLE_TO_f16(v) ref_to_half((double)(v), 10)
#define WHOLE_TO_bf16(v) ref_to_half((double)(v), 7)
#define WHOLE_TO_i8(v) (int8_t)(v)
#define WHOLE_TO_i16(v) (int16_t)(v)
#define WHOLE_TO_i32(v) (int32_t)(v)
#define WHOLE_TO_i64(v) (int64_t)(v)
#define WHOLE_TO_u8(v) (uint8_t)(v)
#define WHOLE_TO_u16(v) (uint16_t)(v)
#define WHOLE_TO_u32(v) (uint32_t)(v)
#define WHOLE_TO_u64(v) (uint64_t)(v)
#define WHOLE_TO_boolean(v) (uint8_t)((v) != 0)

#define LOAD(v) JOIN(VALUE_OF_, CLASS_OF(SUFFIX))(v)
#define CONVERT(v) JOIN(JOIN(JOIN(KIND_, CLASS_OF(SUFFIX)), _TO_), TO)(v)
#define U T_OF(TO)
#define NAME JOIN(JOIN(JOIN(ref_cast_, SUFFIX), _to_), TO)
#define EACH EACH_REAL | EACH_SIGNED | EACH_UNSIGNED | EACH_BOOL | EACH_HALF
#define TEXT "cast_each.h"
#include "each.h"
#undef CONVERT

typedef struct Source {                  /* what is to know of the type cast from */
    const char *load;
    ReferenceFunction *runs[TYPE_COUNT];
} Source;

static const Source sources[TYPE_COUNT] = {
#define TO_EACH(from) \
    {[TYPE_F32] = ref_cast_##from##_to_f32, [TYPE_F64] = ref_cast_##from##_to_f64, [TYPE_F16] = ref_cast_##from##_to_f16, \
     [TYPE_BF16] = ref_cast_##from##_to_bf16, [TYPE_BOOL] = ref_cast_##from##_to_boolean, RUNS_SIGNED(ref_cast_##from##_to), \
     RUNS_UNSIGNED(ref_cast_##from##_to)}
#define TYPE(suffix, enumerator) \
    [TYPE_##enumerator] = {STRING(JOIN(VALUE_OF_, CLASS_OF(suffix))(v)), TO_EACH(suffix)},
    ELEMENT_TYPES(TYPE)
#undef TYPE
};

static const char *const conversions[TYPE_COUNT][2] = {
#define TYPE(suffix, enumerator) [TYPE_##enumerator] = {STRING(WHOLE_TO_##suffix(v)), STRING(REAL_TO_##suffix(v))},
    ELEMENT_TYPES(TYPE)
#undef TYPE
};

uint64_t cast_bits(double value, Type type)
{
    uint64_t bits = 0;
    const void *in = &value;
    void *out = &bits;
    sources[TYPE_F64].runs[type](NULL, NULL, &in, &out, 0, 1);
    return bits;
}

static void cast_build(Builder *builder)
{
    Type from = builder->node->inputs[0]->type, to = builder->node->outputs[0]->type;
    const Source *source = &sources[from];
    const char *name = arena_format(builder->arena, "ref_cast_%s_to_%s", type_info(from)->name, type_info(to)->name);
    instance_define(builder, "T", template_macro(from, "T"));
    instance_define(builder, "U", template_macro(to, "T"));
    instance_define(builder, "LOAD(v)", source->load);
    instance_define(builder, "CONVERT(v)", conversions[to][type_info(from)->real]);
    instance_named(builder, name, reference_text_cast, source->runs[to]);
    build_elements(builder, from == to);
}

const Family family_cast = {NULL, cast_build};

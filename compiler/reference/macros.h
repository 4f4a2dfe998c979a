/* What the texts' macros stand for, by element type and by class of types: used as they are for what is compiled in (each.h) and as strings
   for what is pasted (template.c). */
#ifndef TULLE_REFERENCE_MACROS_H
#define TULLE_REFERENCE_MACROS_H

#define JOIN_TWO(a, b) a##b
#define JOIN(a, b) JOIN_TWO(a, b)
#define STRING_OF(...) #__VA_ARGS__
#define STRING(...) STRING_OF(__VA_ARGS__)
#define APPLY(macro, ...) macro(__VA_ARGS__)
#define PICK_1(a, b, c, d) a
#define PICK_2(a, b, c, d) b
#define PICK_3(a, b, c, d) c
#define PICK_4(a, b, c, d) d

/* By type: T, class, LOWEST, HIGHEST. f16 and bf16 are only moved and cast. */
#define ROW_f32 float, REAL, -__builtin_inff(), __builtin_inff()
#define ROW_f64 double, REAL, -__builtin_inf(), __builtin_inf()
#define ROW_f16 uint16_t, F16, 0, 0
#define ROW_bf16 uint16_t, BF16, 0, 0
#define ROW_i8 int8_t, SIGNED, INT8_MIN, INT8_MAX
#define ROW_i16 int16_t, SIGNED, INT16_MIN, INT16_MAX
#define ROW_i32 int32_t, SIGNED, INT32_MIN, INT32_MAX
#define ROW_i64 int64_t, SIGNED, INT64_MIN, INT64_MAX
#define ROW_u8 uint8_t, UNSIGNED, 0, UINT8_MAX
#define ROW_u16 uint16_t, UNSIGNED, 0, UINT16_MAX
#define ROW_u32 uint32_t, UNSIGNED, 0, UINT32_MAX
#define ROW_u64 uint64_t, UNSIGNED, 0, UINT64_MAX
#define ROW_boolean uint8_t, UNSIGNED, 0, 1

#define T_OF(suffix) APPLY(PICK_1, JOIN(ROW_, suffix))
#define CLASS_OF(suffix) APPLY(PICK_2, JOIN(ROW_, suffix))
#define LOWEST_OF(suffix) APPLY(PICK_3, JOIN(ROW_, suffix))
#define HIGHEST_OF(suffix) APPLY(PICK_4, JOIN(ROW_, suffix))

/* Every type with its enumerator. */
#define ELEMENT_TYPES(TYPE) \
    TYPE(f32, F32) TYPE(f64, F64) TYPE(f16, F16) TYPE(bf16, BF16) TYPE(i8, I8) TYPE(i16, I16) TYPE(i32, I32) TYPE(i64, I64) \
    TYPE(u8, U8) TYPE(u16, U16) TYPE(u32, U32) TYPE(u64, U64) TYPE(boolean, BOOL)

/* By class: W is the wide type, NEGATIVE(v) is v < 0, SATURATE(v) takes a double to W and NARROW(v) to T, EXCEEDS(v, w) is v > w where NaN exceeds all. */
#define W_REAL double
#define W_F16 double
#define W_BF16 double
#define W_SIGNED int64_t
#define W_UNSIGNED uint64_t
#define NEGATIVE_REAL(v) ((v) < 0)
#define NEGATIVE_SIGNED(v) ((v) < 0)
#define NEGATIVE_UNSIGNED(v) 0
#define SATURATE_REAL(v) (v)
#define SATURATE_SIGNED(v) ref_to_i64(v)
#define SATURATE_UNSIGNED(v) ref_to_u64(v)
#define NARROW_REAL(v) (T)(v)
#define NARROW_SIGNED(v) (T)ref_to_i64(ref_limit(v, (double)LOWEST, (double)HIGHEST))
#define NARROW_UNSIGNED(v) (T)ref_to_u64(ref_limit(v, (double)LOWEST, (double)HIGHEST))
#define EXCEEDS_REAL(v, w) ((v) > (w) || (v) != (v))
#define EXCEEDS_SIGNED(v, w) ((v) > (w))
#define EXCEEDS_UNSIGNED(v, w) ((v) > (w))

/* Sums of products: A holds them, LOAD(v) makes factors, SCALE(sum, c) ends with r[0] * sum + r[1] * c. Whole numbers wrap. */
#define A_REAL double
#define A_SIGNED uint64_t
#define A_UNSIGNED uint64_t
#define LOAD_REAL(v) (double)(v)
#define LOAD_SIGNED(v) (uint64_t)(v)
#define LOAD_UNSIGNED(v) (uint64_t)(v)
#define SCALE_REAL(sum, c) (r[0] * (sum) + r[1] * (c))
#define SCALE_SIGNED(sum, c) \
    (r[0] == 1 && r[1] == 1 ? (int64_t)((sum) + (c)) : ref_to_i64(r[0] * (double)(int64_t)(sum) + r[1] * (double)(int64_t)(c)))
#define SCALE_UNSIGNED(sum, c) (r[0] == 1 && r[1] == 1 ? (sum) + (c) : ref_to_u64(r[0] * (double)(sum) + r[1] * (double)(c)))

#endif

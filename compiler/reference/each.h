/* Includes TEXT once for each element type of EACH, with the macros of the type set: how what is compiled in is made of the texts. The includer
   sets TEXT, NAME in terms of SUFFIX, and what else the text wants; this file ends them. */
#include "compiler/reference/macros.h"

#ifndef T
#define T T_OF(SUFFIX)
#endif
#define A JOIN(A_, CLASS_OF(SUFFIX))
#define LOWEST LOWEST_OF(SUFFIX)
#define HIGHEST HIGHEST_OF(SUFFIX)
#define NEGATIVE(v) JOIN(NEGATIVE_, CLASS_OF(SUFFIX))(v)
#define SATURATE(v) JOIN(SATURATE_, CLASS_OF(SUFFIX))(v)
#define NARROW(v) JOIN(NARROW_, CLASS_OF(SUFFIX))(v)
#define EXCEEDS(v, w) JOIN(EXCEEDS_, CLASS_OF(SUFFIX))(v, w)
#define SCALE(sum, c) JOIN(SCALE_, CLASS_OF(SUFFIX))(sum, c)
#ifndef W
#define W JOIN(W_, CLASS_OF(SUFFIX))
#endif
#ifndef LOAD
#define LOAD(v) JOIN(LOAD_, CLASS_OF(SUFFIX))(v)
#endif
#ifndef U
#define U T
#endif

#if (EACH) & EACH_REAL
#define SUFFIX f32
#include TEXT
#undef SUFFIX
#define SUFFIX f64
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_UNSIGNED_32
#define SUFFIX u8
#include TEXT
#undef SUFFIX
#define SUFFIX u16
#include TEXT
#undef SUFFIX
#define SUFFIX u32
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_U64
#define SUFFIX u64
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_SIGNED_32
#define SUFFIX i8
#include TEXT
#undef SUFFIX
#define SUFFIX i16
#include TEXT
#undef SUFFIX
#define SUFFIX i32
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_I64
#define SUFFIX i64
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_BOOL
#define SUFFIX boolean
#include TEXT
#undef SUFFIX
#endif
#if (EACH) & EACH_HALF
#define SUFFIX f16
#include TEXT
#undef SUFFIX
#define SUFFIX bf16
#include TEXT
#undef SUFFIX
#endif

#undef T
#undef U
#undef W
#undef A
#undef LOWEST
#undef HIGHEST
#undef NEGATIVE
#undef SATURATE
#undef NARROW
#undef EXCEEDS
#undef SCALE
#undef LOAD
#undef EACH
#undef TEXT
#undef NAME

/* Includes the text of Cast once for each type that the type SUFFIX can become. */
#define TO f32
#include "text/cast.h"
#undef TO
#define TO f64
#include "text/cast.h"
#undef TO
#define TO f16
#include "text/cast.h"
#undef TO
#define TO bf16
#include "text/cast.h"
#undef TO
#define TO i8
#include "text/cast.h"
#undef TO
#define TO i16
#include "text/cast.h"
#undef TO
#define TO i32
#include "text/cast.h"
#undef TO
#define TO i64
#include "text/cast.h"
#undef TO
#define TO u8
#include "text/cast.h"
#undef TO
#define TO u16
#include "text/cast.h"
#undef TO
#define TO u32
#include "text/cast.h"
#undef TO
#define TO u64
#include "text/cast.h"
#undef TO
#define TO boolean
#include "text/cast.h"
#undef TO

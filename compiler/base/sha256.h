/* Private to base: the two ways to hash a block. */
#ifndef TULLE_SHA256_H
#define TULLE_SHA256_H

#include "compiler/base/base.h"

typedef void Sha256Blocks(uint32_t state[8], const unsigned char *data, size_t count);   /* count blocks of 64 bytes */

extern const uint32_t sha256_constants[64];
extern Sha256Blocks *const sha256_plain;
Sha256Blocks *sha256_fast(void);     /* this CPU's instructions, or NULL if it has none */
void sha256_hex_by(Sha256Blocks *blocks, const void *data, size_t size, char hex[65]);

#endif

#ifndef CNETTLE_SHIM_H
#define CNETTLE_SHIM_H

#include <nettle/sha2.h>

/* Function-like names of nettle are macros over nettle_…: Swift sees only functions. */
static inline void gb_sha512_init(struct sha512_ctx *context) { sha512_init(context); }
static inline void gb_sha512_update(struct sha512_ctx *context, size_t length, const uint8_t *bytes) {
    sha512_update(context, length, bytes);
}
static inline void gb_sha512_digest(struct sha512_ctx *context, uint8_t *digest) {
    sha512_digest(context, SHA512_DIGEST_SIZE, digest);
}

#endif

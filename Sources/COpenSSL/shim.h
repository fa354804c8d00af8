#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

/* The interface that replaces these functions hides the state of a digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#endif

#ifndef CGPGME_SHIM_H
#define CGPGME_SHIM_H

#include <gpgme.h>

/* gpgme_check_version is a function-like macro that also compares the layout of the library's structures with
   that of the header. Swift sees only the plain function behind it, so the macro is expanded here. */
static inline const char *gb_gpgme_check_version(const char *required) {
    return gpgme_check_version(required);
}

#endif

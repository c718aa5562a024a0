/**
 * @file pem.h
 * Can a text be read as a certificate or a key? As mbedtls_x509_crt_pem_to_der() and
 * mbedtls_pk_pem_to_der() in crypto/src/mbedtls_util.cpp @ v1.5.2 find, here by libcrypto.
 */
#ifndef VP_SYSTEM_PEM_H
#define VP_SYSTEM_PEM_H

#include <stdbool.h>

/** @param text  ends with a NUL */
bool vp_pem_is_certificate(const char *text);

/** The same of a private key without a password. */
bool vp_pem_is_private_key(const char *text);

#endif

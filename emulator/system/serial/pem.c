#include "system/serial/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* Else libcrypto would ask at the terminal. */
static int no_password(char *to, int size, int writing, void *context)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

bool vp_pem_is_certificate(const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    X509 *certificate = source ? PEM_read_bio_X509(source, NULL, no_password, NULL) : NULL;
    const bool readable = certificate != NULL;
    X509_free(certificate);
    BIO_free(source);
    ERR_clear_error();
    return readable;
}

bool vp_pem_is_private_key(const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = source ? PEM_read_bio_PrivateKey(source, NULL, no_password, NULL) : NULL;
    const bool readable = key != NULL;
    EVP_PKEY_free(key);
    BIO_free(source);
    ERR_clear_error();
    return readable;
}

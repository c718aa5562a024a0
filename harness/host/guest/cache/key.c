#include "host/guest/cache/key.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>

#include "vparticle/error.h"

static int finish(EVP_MD_CTX *digest, char key[KEY_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size;
    if (EVP_DigestFinal_ex(digest, bytes, &size) != 1) {
        return VP_ERROR_NO_MEMORY;
    }
    for (unsigned i = 0; i < size; i++) {
        snprintf(key + (size_t)2 * i, 3, "%02x", bytes[i]);
    }
    return 0;
}

static EVP_MD_CTX *begin(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest);
        return NULL;
    }
    return digest;
}

int key_of_bytes(const void *bytes, size_t size, char key[KEY_SIZE])
{
    EVP_MD_CTX *digest = begin();
    const bool taken = digest && EVP_DigestUpdate(digest, bytes, size) == 1;
    const int error = taken ? finish(digest, key) : VP_ERROR_NO_MEMORY;
    EVP_MD_CTX_free(digest);
    return error;
}

int key_of_file(const char *path, char key[KEY_SIZE])
{
    static unsigned char block[256 * 1024];
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return VP_ERROR_IO;
    }
    EVP_MD_CTX *digest = begin();
    bool taken = digest != NULL;
    for (size_t count; taken && (count = fread(block, 1, sizeof block, file)) > 0;) {
        taken = EVP_DigestUpdate(digest, block, count) == 1;
    }
    int error = taken ? finish(digest, key) : VP_ERROR_NO_MEMORY;
    if (ferror(file)) {
        error = VP_ERROR_IO;
    }
    EVP_MD_CTX_free(digest);
    fclose(file);
    return error;
}

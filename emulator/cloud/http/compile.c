#include "cloud/http/compile.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/targets.h"
#include "vparticle/forge.h"

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* What particle-cli takes for sources, without headers (lib/utilities.js @ 3.26.0). */
static bool is_source(const char *name)
{
    static const char *const ends[] = {".ino", ".cpp", ".c", ".cc", ".cxx", ".S", ".ppf", ".pde"};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_in(name, ends[i])) {
            return true;
        }
    }
    return false;
}

bool http_has_source(const struct http_request *request)
{
    const struct http_field *file;
    for (unsigned i = 0; (file = http_fields_file(&request->fields, &i)); i++) {
        if (is_source(file->file_name)) {
            return true;
        }
    }
    return false;
}

/** particle-cli shows errors[0] where the output is just this. */
static void refuse_build(struct http_request *request, const char *error)
{
    http_answer(request, MHD_HTTP_BAD_REQUEST,
                json_pack("{s:b, s:i, s:s, s:s, s:s, s:o}", "ok", 0, "code", 500, "output",
                          "Compiler timed out or encountered an error", "stdout",
                          "Nothing to be done for `all'", "error", error, "errors",
                          json_pack("[o]", http_json_text(error))));
}

/** SHA-256 over all names and contents, in hexadecimal. */
static bool hash_files(const struct http_request *request, char text[VP_MODULE_TEXT_LIMIT + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const struct http_field *file;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (unsigned i = 0; good && (file = http_fields_file(&request->fields, &i)); i++) {
        good = EVP_DigestUpdate(context, file->file_name, strlen(file->file_name) + 1) &&
               EVP_DigestUpdate(context, &file->size, sizeof file->size) &&
               EVP_DigestUpdate(context, file->bytes, file->size);
    }
    good = good && EVP_DigestFinal_ex(context, hash, &size);
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; good && i < VP_MODULE_TEXT_LIMIT / 2; i++) {
        snprintf(text + 2 * (size_t)i, 3, "%02x", hash[i]);
    }
    return good;
}

/** A module like that release's tinker, which needs that release's system (user_build.mk). */
static int forge(const struct vp_catalogue_release *release, const char *text, uint8_t **bytes,
                 size_t *size)
{
    const struct vp_catalogue_module *tinker = vp_catalogue_tinker(release);
    const struct vp_module_recipe recipe = {
        .platform = release->platform,
        .version = tinker->version,
        .function = tinker->function,
        .index = tinker->index,
        .dependencies = {{VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART, release->version}},
        .address = tinker->address,
        .size = vp_catalogue_nominal_size(tinker),
        .header_offset = tinker->header_offset,
        .product_id = (uint16_t)release->platform,
        .product_version = tinker->version,
        .text = text,
    };
    return vp_forge_module(&recipe, bytes, size);
}

bool http_compile(struct http_request *request, enum vp_platform platform, uint8_t **bytes,
                  size_t *size)
{
    const char *wanted = http_field(request, "build_target_version");
    char hash[VP_MODULE_TEXT_LIMIT + 1], error[200];
    const bool latest = !wanted || !*wanted || strcmp(wanted, "latest") == 0;
    const struct vp_catalogue_release *release =
        latest ? http_newest_target(platform) : vp_catalogue_find_release(platform, wanted);
    if (!release) {
        const char *nearest = latest ? NULL : vp_catalogue_nearest_release(platform, wanted);
        snprintf(error, sizeof error, "Invalid build target version %.60s for platform %d%s%s",
                 latest ? "latest" : wanted, (int)platform, nearest ? "; the nearest is " : "",
                 nearest ? nearest : "");
        refuse_build(request, error);
        return false;
    }
    if (!http_has_source(request)) {
        refuse_build(request, "make: *** No source: send files that end in .ino, .cpp or .c");
        return false;
    }
    if (!hash_files(request, hash) || forge(release, hash, bytes, size)) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    return true;
}

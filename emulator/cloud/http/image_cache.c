#include "cloud/http/image_cache.h"

#include <stdlib.h>
#include <utlist.h>

#include "cloud/http/device_os.h"

static void free_image(struct vp_cloud_server *server, struct http_image *image)
{
    DL_DELETE(server->image_list, image);
    server->image_count--;
    MHD_destroy_response(image->response); /* those who are being sent it, have it still */
    free(image);
}

void http_images_free(struct vp_cloud_server *server)
{
    while (server->image_list) {
        free_image(server, server->image_list);
    }
}

static struct http_image *load(struct vp_cloud_server *server,
                               const struct vp_catalogue_release *release,
                               const struct vp_catalogue_module *row)
{
    struct vp_failure failure;
    uint8_t *bytes = NULL;
    struct http_image *image = calloc(1, sizeof *image);
    if (!image || http_load_module(server, release, row, &bytes, &image->size) ||
        vp_module_parse(bytes, image->size, &image->module, &failure)) {
        free(bytes);
        free(image);
        return NULL;
    }
    image->release = release;
    image->row = row;
    image->response = MHD_create_response_from_buffer(image->size, bytes, MHD_RESPMEM_MUST_FREE);
    if (!image->response) {
        free(bytes);
        free(image);
        return NULL;
    }
    MHD_add_response_header(image->response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            "application/octet-stream");
    return image;
}

const struct http_image *http_get_image(struct vp_cloud_server *server,
                                        const struct vp_catalogue_release *release,
                                        const struct vp_catalogue_module *row)
{
    struct http_image *image;
    DL_FOREACH(server->image_list, image)
    {
        if (image->release == release && image->row == row) {
            return image;
        }
    }
    image = load(server, release, row);
    if (!image) {
        return NULL;
    }
    if (server->image_count == HTTP_IMAGE_LIMIT) {
        free_image(server, server->image_list->prev); /* the oldest */
    }
    DL_PREPEND(server->image_list, image);
    server->image_count++;
    return image;
}

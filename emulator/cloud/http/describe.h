/** @file describe.h  Devices and products as JSON, with the fields that the tools read. */
#ifndef CLOUD_HTTP_DESCRIBE_H
#define CLOUD_HTTP_DESCRIBE_H

#include "cloud/http/http.h"

json_t *http_describe_device(const struct vp_cloud_device *device);

json_t *http_describe_product(const struct vp_cloud_product *product);

#endif

/** @file describe.h  Devices and products as JSON, with the fields that the tools read. */
#ifndef CLOUD_HTTP_DESCRIBE_H
#define CLOUD_HTTP_DESCRIBE_H

#include "cloud/http/http.h"

/** @param with_interface  with its functions and variables, as GET /v1/devices/ID has it */
json_t *http_describe_device(const struct vp_cloud_device *device, bool with_interface);

json_t *http_describe_product(const struct vp_cloud_product *product);

/** @return one of enum vp_variable_type (application.h), or 0: no such variable, as far as is known
 */
unsigned http_variable_type(const struct vp_cloud_device *device, const char *name);
bool http_has_function(const struct vp_cloud_device *device, const char *name);

#endif

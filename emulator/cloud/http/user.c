/* Who am I? */
#include "cloud/http/route.h"

void http_user(struct http_request *request)
{
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:o, s:[], s:{s:b}, s:{s:b}}", "username",
                          http_json_text(vp_cloud_account_name(request->account)),
                          "subscription_ids", "account_info", "business_account", 0, "mfa",
                          "enabled", 0));
}

/* An SD card, and an application that copies what is on it. */
#include "control/request.h"
#include "vparticle/sd_card.h"

static json_t *copied(const struct vp_sd_copy *copy)
{
    return json_pack("{s:s, s:b, s:i, s:i}", "file", copy->file, "accepted", copy->accepted,
                     "checked", (int)copy->checked, "result", (int)copy->result);
}

/* One file after the other, as long as an application runs; the device restarts in between. */
static int copy_all(struct vp_sd_card *card, struct vp_device *device, json_t *files)
{
    struct vp_sd_copy copy;
    int result;
    while ((result = vp_sd_card_copy(card, device, &copy)) == 1) {
        json_array_append_new(files, copied(&copy));
        vp_device_settle(device);
    }
    return result;
}

bool control_copy_card(struct control_request *request)
{
    struct vp_device *device = request->target->device;
    const char *folder = json_string_value(json_object_get(request->body, "folder"));
    struct vp_sd_card *card;
    struct vp_failure failure;
    if (!folder) {
        return control_refuse(request, "'folder' must be the path of the card's files");
    }
    if (vp_sd_card_insert(&card, folder, &failure)) {
        return control_refuse(request, "%s", failure.text);
    }
    json_t *files = json_array();
    const int result = copy_all(card, device, files);
    const bool any = json_array_size(files) > 0;
    vp_sd_card_remove(card);
    json_object_set_new(request->answer, "files", files);
    if (result == VP_ERROR_BUSY && any) {
        return control_mode(request); /* which says why it went no further */
    }
    if (result == VP_ERROR_BUSY) {
        return control_refuse(request, "no application runs in mode %s that could read a card",
                              vp_mode_name(vp_device_mode(device)));
    }
    return result ? control_refuse(request, "a file cannot be copied: %s", vp_error_text(result))
                  : control_mode(request);
}

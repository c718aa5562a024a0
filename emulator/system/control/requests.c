/* Which request types a system knows, and what follows once their result was collected. */
#include "system/control/control_private.h"

/* Requests whose handler does nothing at once: the consequence is in the table. */
static int acknowledge(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    (void)request;
    return VP_SYSTEM_ERROR_NONE;
}

static int reset(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    request->consequence = VP_CONTROL_RESET;
    return VP_SYSTEM_ERROR_NONE;
}

static int factory_reset(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    request->consequence = VP_CONTROL_FACTORY_RESET;
    return VP_SYSTEM_ERROR_NONE;
}

static int dfu_mode(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    request->consequence = VP_CONTROL_DFU;
    return VP_SYSTEM_ERROR_NONE;
}

static int safe_mode(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    request->consequence = VP_CONTROL_SAFE_MODE;
    return VP_SYSTEM_ERROR_NONE;
}

static int echo(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    return control_reply_bytes(request, request->payload, request->payload_size);
}

enum { V_0_8_0 = 301, V_1_1_0 = 1100, V_1_5_0 = 1500, V_2_0_0 = 2004, FOR_EVER = UINT16_MAX };

/*
 * SystemControl::processRequest() @ v0.8.0-rc.2, v1.0.1, v1.1.0, v1.5.0-rc.1, v2.0.0-rc.1, v2.2.0.
 * A type answers "not supported" to a system that has no row for it, as the firmware does where
 * the type is unknown. So do, unlike there, those that would need a network: Wi-Fi (110 to 115),
 * network configuration (120 to 122), server address (220, 221), softAP (240), interfaces (400,
 * 401).
 */
static const struct {
    uint16_t type;
    uint16_t since, until; /* module versions; `until` is exclusive */
    control_handler handler;
} types[] = {
    {1, V_1_5_0, FOR_EVER, echo},
    {20, V_1_1_0, FOR_EVER, control_get_device_id},
    {21, V_1_1_0, FOR_EVER, control_get_serial_number},
    {30, V_1_1_0, FOR_EVER, control_get_system_version},
    {32, V_1_1_0, FOR_EVER, control_get_capabilities},
    {40, V_0_8_0, FOR_EVER, reset},
    {41, V_0_8_0, FOR_EVER, factory_reset},
    {50, V_0_8_0, FOR_EVER, dfu_mode},
    {60, V_0_8_0, FOR_EVER, safe_mode},
    {70, V_0_8_0, FOR_EVER, control_start_listening},
    {71, V_0_8_0, FOR_EVER, control_stop_listening},
    {72, V_1_1_0, FOR_EVER, control_get_device_mode},
    {75, V_1_1_0, FOR_EVER, control_set_startup_mode},
    {90, V_0_8_0, V_1_1_0, control_get_module_info_text},
    {90, V_1_1_0, FOR_EVER, control_get_module_info},
    {100, V_0_8_0, FOR_EVER, control_get_diagnostics},
    {200, V_0_8_0, FOR_EVER, control_set_claim_code},
    {201, V_0_8_0, FOR_EVER, control_is_claimed},
    {210, V_0_8_0, FOR_EVER, control_set_key},
    {211, V_0_8_0, FOR_EVER, control_get_key},
    {222, V_0_8_0, FOR_EVER, control_set_protocol},
    {223, V_0_8_0, FOR_EVER, control_get_protocol},
    {230, V_0_8_0, FOR_EVER, acknowledge}, /* the rainbow: a signal to the person who looks */
    {231, V_0_8_0, FOR_EVER, acknowledge},
    {250, V_0_8_0, FOR_EVER, control_start_update},
    {251, V_0_8_0, FOR_EVER, control_finish_update},
    {252, V_0_8_0, FOR_EVER, control_cancel_update},
    {253, V_0_8_0, FOR_EVER, control_update_data},
    {260, V_0_8_0, V_2_0_0, control_describe_storage},
    {261, V_0_8_0, V_2_0_0, control_read_section},
    {262, V_0_8_0, V_2_0_0, control_write_section},
    {263, V_0_8_0, V_2_0_0, control_clear_section},
    {264, V_0_8_0, V_2_0_0, control_get_section_size},
    {300, V_1_1_0, FOR_EVER, control_get_connection},
    {301, V_1_1_0, FOR_EVER, acknowledge}, /* there is no cloud to connect to */
    {302, V_1_1_0, FOR_EVER, acknowledge},
};

control_handler control_find_handler(const struct vp_system *system, uint16_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type && types[i].since <= system->version &&
            system->version < types[i].until) {
            return types[i].handler;
        }
    }
    return NULL;
}
